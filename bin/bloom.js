#!/usr/bin/env node
import './check-node.js';
import { existsSync } from 'node:fs';

// A clone runs from source. A package leaves src/main.ts out: Node strips no types under node_modules.
const source = new URL('../src/main.ts', import.meta.url);
import(existsSync(source) ? source.href : '../dist/src/main.js');
