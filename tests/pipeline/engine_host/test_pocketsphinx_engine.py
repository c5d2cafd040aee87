from offhook.pipeline.engine_host.pocketsphinx_engine import grammar_words


def test_the_words_of_a_grammar() -> None:
    grammar = """#JSGF V1.0 UTF-8 en;
    /* all of <this> */ grammar some.thing; // and this
    public <a> = /0.5/ Say (it | them) {tag here} [now please]* | <b>+;
    <b> = it's;
    """
    assert grammar_words(grammar) == ["say", "it", "them", "now", "please", "it's"]
