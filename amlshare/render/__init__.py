"""Data in, strings out: one module for each format. The sole owner of colours and columns.

Nothing here prints; ``cli`` does. Text of users is always passed through
:func:`amlshare.render.paper.clean`, so that no title can move a terminal's cursor.
"""
