/** The sendfile addon of the executable. The system loads it from a file, which is gone again when this module is loaded. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAsset } from './assets.ts';

interface Addon {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** Throws if the folder for temporary files is read-only, or programs in it must not run. */
function load(): Addon['exports'] {
  // Only this user can write into the folder.
  const folder = mkdtempSync(join(tmpdir(), 'berth-addon-'));
  try {
    const file = join(folder, 'sendfile.node');
    writeFileSync(file, readAsset('sendfile.node'), { mode: 0o700 });
    const addon: Addon = { exports: {} };
    process.dlopen(addon, file, constants.dlopen.RTLD_LAZY);
    return addon.exports;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const { sendfile, cancel } = load() as Record<'sendfile' | 'cancel', unknown>;
