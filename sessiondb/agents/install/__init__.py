"""What is written into the settings of agents, so that they call this program: hooks, the MCP server and a skill.

command.py    the words that start this program from wherever an agent runs
agents.py     where each agent keeps its settings, and what it is given: entries in files, and files
data.py       what settings hold, once they are read
jsonc.py      JSON with comments: its text is spliced, never written anew
toml.py       the same for TOML
entries.py    an entry put into the text of a file, found in it, taken out of it
files.py      a file read and replaced as a whole, or left alone with a reason
records.py    what was there before, kept beside our own data
plan.py       an installation or its removal: planned, shown, carried out
health.py     what is installed, and what about it is broken
"""
