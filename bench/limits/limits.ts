import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Launch } from '../server.ts';

/** Servers that do the least which berth must do, to measure how far it is from that. */

/** A loop in C for pushes and pulls. Needs a C compiler and OpenSSL 3's library. Its program is built in the server's folder. */
export const bareC: Launch = {
  name: 'a loop in C',
  isBerth: false,
  async command(port, directory) {
    const program = join(directory, 'bare-registry');
    const source = join(import.meta.dirname, 'bare-registry.c');
    await promisify(execFile)('cc', ['-O2', '-D_GNU_SOURCE', '-o', program, source, '-pthread', '-l:libcrypto.so.3']);
    return { program, args: [String(port), directory] };
  },
};

/** A handler of node:http for manifest GETs. */
export const bareNode: Launch = {
  name: 'node:http',
  isBerth: false,
  command: (port) =>
    Promise.resolve({ program: process.execPath, args: [join(import.meta.dirname, 'bare-node.ts'), String(port)] }),
};
