import { join } from 'node:path';
import { type Bundles, writeBundles } from '../bundle.ts';

/** Where modules in the executable believe to lie: the shims read its files there. */
const virtualRoot = 'file:///berth/';
const shim = (name: string) => join(import.meta.dirname, 'shims', name);

/**
 * Writes the bundles of the executable. Their modules import shims, which read files of the program and threads from the
 * executable.
 */
export function writeExecutableBundles(folder: string): Promise<Bundles> {
  return writeBundles({
    folder,
    change: (text, module) =>
      text
        .replace(/from 'node:(fs|worker_threads)'/g, "from 'berth-shim:$1'")
        .replaceAll('createRequire(import.meta.url)', 'require')
        .replaceAll('import.meta.url', JSON.stringify(virtualRoot + module)),
    replaced: [
      { filter: /^berth-shim:/, file: (name) => shim(`${name.slice('berth-shim:'.length).replace('_', '-')}.ts`) },
      { filter: /^\.\/sendfile\.node$/, file: () => shim('sendfile.ts') },
    ],
  });
}
