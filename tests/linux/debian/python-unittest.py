# SPDX-License-Identifier: MIT
# unittest and logging.
import logging, os, unittest


class Test(unittest.TestCase):
    def test(self):
        self.assertEqual(1, 1)


runner = unittest.TextTestRunner(open(os.devnull, 'w'))
print(unittest.main(argv=['x'], exit=False, module=None, testRunner=runner).result)
logging.basicConfig(format='%(message)s')
logging.warning('warned')
print(len(os.urandom(5)))
