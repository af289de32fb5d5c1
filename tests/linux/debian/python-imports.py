# SPDX-License-Identifier: MIT
# Much of the library is loaded.
# status: 3
import argparse, ast, collections, configparser, contextlib, copy, dataclasses, difflib, email
import enum, fnmatch, fractions, functools
import glob, heapq, html, http, inspect, ipaddress, itertools, logging, math, operator, optparse
import platform, pprint, queue, shlex, socket
import statistics, string, tarfile, textwrap, timeit, traceback, types, typing, unittest
import urllib.parse, uuid, xml.etree.ElementTree as et
import sys, time, os
print(et.fromstring("<a><b x='1'/></a>")[0].attrib, urllib.parse.quote('a b'))
print(statistics.mean([1, 2, 3]), textwrap.fill('a b c d', 3))
print(fractions.Fraction(1, 3) + 1, math.comb(10, 3))
print(ipaddress.ip_network('10.0.0.0/30').num_addresses)
print(platform.system())

class T(unittest.TestCase):

    def test(self):
        self.assertEqual(1, 1)
runner = unittest.TextTestRunner(open(os.devnull, 'w'))
print(unittest.main(argv=['x'], exit=False, module=None, testRunner=runner).result)
logging.basicConfig(format='%(message)s')
logging.warning('warned')
print(time.strftime('%Y', time.gmtime(0)), len(os.urandom(5)), sys.getrecursionlimit())
sys.exit(3)
