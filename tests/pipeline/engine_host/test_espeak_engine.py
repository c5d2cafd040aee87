import subprocess
import sys


def test_the_library_stays_out_of_this_process() -> None:
    program = (
        "import asyncio, sys\n"
        "from offhook.pipeline.tts.espeak import EspeakEngine\n"
        "async def run():\n"
        "    engine = EspeakEngine()\n"
        "    await engine.start()\n"
        "    chunks = [chunk async for chunk in engine.synthesize('yes')]\n"
        "    await engine.close()\n"
        "    assert chunks\n"
        "asyncio.run(run())\n"
        "assert 'espeakng_loader' not in sys.modules\n"
        "assert 'offhook.pipeline.engine_host.espeak_engine' not in sys.modules\n"
        "assert 'espeak' not in open('/proc/self/maps').read()\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=10)
