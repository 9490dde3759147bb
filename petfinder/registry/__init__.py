"""Pets in and out of a store, searches, and the indexes behind them. May use encoders, stores, photos and tables."""
