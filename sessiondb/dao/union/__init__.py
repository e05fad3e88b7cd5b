r"""What an import or a merge makes of sessions that are stored already: everything that either has, nothing twice.

    records of a file                    rows of a database or of its export
      writer.py: one file                  merge.py: all rows in their order
                                           merged_session.py: one session; align.py, merge_fields.py
             \                              /
              union.py: sessions on their way in, in one transaction
                incoming.py    what is known of one session, and what its rows wait for
                content.py     messages and token counts      calls.py   tool calls and answers
                row_buffer.py  rows until they are many; which of two counts of one response holds
                ownership.py   who holds what it shares with others, by the rules of dao/forks, once all is written

Rows that wait, and why:

    nothing           taken as they come
    its rival         another file owns the messages: to the end of the file, where replacing.py decides
    a word            only prompts are stored: to the first word, before which stand_ins.py takes these out
"""
