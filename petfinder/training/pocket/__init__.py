"""How the built-in encoder `pocket` is made and measured. In the tree, not in the wheel.

Run it with `python -m petfinder.training.pocket`; it needs the extra `train`. Nothing else imports it.
"""
