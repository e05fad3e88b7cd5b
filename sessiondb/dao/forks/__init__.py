"""Sessions that hold the same messages: each is stored once, with the session that had it first.

originals.py   the rules: which of two had a line first
renamed.py     copies under other ids
chain.py       reads and writes what a session's row says of where it comes from
transfer.py    moves or drops rows, and makes the sessions true again

an import or merge of a session: dao/union/ownership.py finds what it shares and settles it, by these rules
  anew.py        a stored session has grown: settled as if it came as a whole, by way of a handover
at the end of the import
  parents.py     links what waited for its parent, and drops what that one has
a session is to be removed
  handover.py    its forks take what they share with it
"""
