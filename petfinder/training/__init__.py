"""How the built-in encoder `pocket` is made: from photos and a general starting network to one small file.

Run it with `python -m petfinder.training.pocket`. It may use every part of petfinder; no part of petfinder uses it.
It needs the extra `train` (torch and onnx).
"""
