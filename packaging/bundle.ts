/** Bundles the program with its packages: one CommonJS file for it and one for each thread. Packages of berth hold these. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { type Metafile, type OnLoadArgs, type Plugin, build } from 'esbuild';

export const checkout = resolve(import.meta.dirname, '..');

/** Changes the text of a module that reads files of the program. `entry`: the module that the bundle begins with. */
export type ModuleChange = (text: string, module: string, entry: string) => string;

export interface Target {
  /** The folder of the bundles. */
  readonly folder: string;
  /** Changes modules with `import.meta.url`, which a CommonJS file does not have. Paths are from the checkout. */
  readonly change: ModuleChange;
  /** Modules by a pattern of what imports name. */
  readonly replaced?: readonly { readonly filter: RegExp; file(name: string): string }[];
}

export interface Bundles {
  /** The file to start. */
  readonly main: string;
  /** The files of threads by the module that each was made from. */
  readonly threads: Readonly<Record<string, string>>;
  /** Names of the packages inside. */
  readonly packages: readonly string[];
}

const isOurs = (module: string): boolean => /^(?:src|storage|config)\//.test(module);
/** How modules name the threads that they start. */
const threadPattern = /new Worker\(new URL\('\.\/([a-z-]+\.ts)', import\.meta\.url\)/g;

function programFiles(entry: string, { change, replaced = [] }: Target): Plugin {
  const load = ({ path }: OnLoadArgs) => {
    const module = relative(checkout, path);
    const text = readFileSync(path, 'utf8');
    if (!isOurs(module) || !text.includes('import.meta.url')) return undefined;
    // `require` is esbuild's, which puts the package into the bundle.
    const contents = change(text.replaceAll("createRequire(import.meta.url)('yaml')", "require('yaml')"), module, entry);
    return { contents, loader: 'ts' as const };
  };
  return {
    name: 'program-files',
    setup({ onLoad, onResolve }) {
      onLoad({ filter: /\.ts$/ }, load);
      for (const { filter, file } of replaced) onResolve({ filter }, ({ path }) => ({ path: file(path) }));
      // An optional package that is not installed: `pg` looks for it.
      onResolve({ filter: /^pg-native$/ }, ({ path }) => ({ path, external: true }));
    },
  };
}

async function writeBundle(entry: string, outfile: string, target: Target): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: checkout,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    // Names stay: operators read stack traces.
    minifySyntax: true,
    minifyWhitespace: true,
    // `import()` does not work in the main script of an executable: `require` takes its place.
    supported: { 'dynamic-import': false },
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
    plugins: [programFiles(entry, target)],
  });
  return metafile;
}

/** Returns the modules that `module` starts as threads. */
function threadsOf(module: string): readonly string[] {
  const text = readFileSync(join(checkout, module), 'utf8');
  return [...text.matchAll(threadPattern)].map(([, name = '']) => join(dirname(module), name));
}

/** The file of a bundle: the name of its first module with another ending, because Node.js takes `.ts` for TypeScript. */
export const bundleName = (module: string): string => module.replace(/\.ts$/, '.cjs');

export async function writeBundles(target: Target): Promise<Bundles> {
  const fileOf = (module: string) => join(target.folder, bundleName(module));
  const main = 'src/main.ts';
  const metafiles = [await writeBundle(main, fileOf(main), target)];
  const ours = Object.keys(metafiles[0]?.inputs ?? {}).filter(isOurs);
  const threads = [...new Set(ours.flatMap(threadsOf))];
  for (const thread of threads) metafiles.push(await writeBundle(thread, fileOf(thread), target));
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
  const packages = inputs.map((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? '').filter(Boolean);
  return {
    main: fileOf(main),
    threads: Object.fromEntries(threads.map((thread) => [thread, fileOf(thread)])),
    packages: [...new Set(packages)].sort(),
  };
}
