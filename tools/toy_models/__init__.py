"""Makes the small models of tests/data/models: a Vosk model and a sherpa-onnx transducer, from synthetic speech alone.

    python -m tools.toy_models FOLDER [vosk] [sherpa]

They know about twenty words, spoken by flite's voices over a phone line, and drive the real engines in tests. They say
nothing about the accuracy of these engines. Needed are flite, and in an environment of their own torch, onnx, numpy,
kaldi-native-fbank, kaldifst and soxr; for Vosk's run-time grammars also `fstconvert` with its look-ahead plug-in
(Debian: libfst-tools, libfst22-plugins-base). It takes about five minutes on one core.
"""
