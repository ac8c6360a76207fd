"""The claims of the thesis, judged by the tables of a run.

`judging` puts each test of each claim to its cells, `kinds` lists the kinds of tests, and every other module
holds a few of them, or what they share. Seeds are the replicates of all of them: units, layers and images of
one network are not independent of each other.
"""
