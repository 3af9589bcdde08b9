// The same on node:net: see choose-node.ts.

import './choose-node.js';
import '../run.test.js';
