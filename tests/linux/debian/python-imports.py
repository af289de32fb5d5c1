# SPDX-License-Identifier: MIT
# Much of the library is loaded.
# status: 3
import argparse, ast, collections, configparser, contextlib, copy, dataclasses, difflib
import enum, fnmatch, fractions, functools, glob, heapq, html, inspect, ipaddress, itertools
import math, operator, platform, pprint, queue, shlex, statistics, string, sys, textwrap, time
import traceback, types, typing, urllib.parse, xml.etree.ElementTree as et
print(et.fromstring("<a><b x='1'/></a>")[0].attrib, urllib.parse.quote('a b'))
print(statistics.mean([1, 2, 3]), textwrap.fill('a b c d', 3))
print(fractions.Fraction(1, 3) + 1, math.comb(10, 3))
print(ipaddress.ip_network('10.0.0.0/30').num_addresses)
print(platform.system())
print(time.strftime('%Y', time.gmtime(0)), sys.getrecursionlimit())
sys.exit(3)
