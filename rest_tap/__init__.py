"""What both taps are made of: reading lists over HTTP and writing Singer messages.

Nothing here names a stream or knows either API; imports run one way, from the taps
into this package.
"""
