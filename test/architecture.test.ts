import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { folderOf, functionsOf, lineCount } from '../bench/house/measure.ts';

/** The house: what each folder may import of the others. A longer path wins over a shorter one. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  config: [],
  storage: ['src/oci'],
  'storage/blobs/filesystem': ['storage/blobs', 'storage'],
  'storage/blobs/inventory': ['storage/blobs'],
  'storage/blobs/s3': ['src/oci', 'storage/back-off.ts', 'storage/blobs'],
  'storage/metadata/queries/steps': ['src/oci'],
  'storage/metadata/queries/archives': ['src/oci', 'storage/metadata/queries/steps'],
  'storage/metadata/queries/mirror': ['src/oci', 'storage/metadata/queries/steps'],
  'storage/metadata/queries/operation': ['storage/metadata/queries/steps'],
  'storage/metadata/queries/sync': ['src/oci', 'storage/metadata/queries/steps'],
  'storage/metadata/queries/webhooks': ['src/oci', 'storage/metadata/queries/steps'],
  'storage/metadata/queries/trash': ['src/oci', 'storage/metadata/queries/steps'],
  'storage/metadata/queries': ['src/oci', 'storage/metadata/queries'],
  'storage/metadata': ['storage/metadata/queries', 'storage/watched-call.ts', 'src/oci'],
  'storage/metadata/sqlite': ['storage/metadata', 'storage/metadata/queries'],
  'storage/metadata/postgres': ['storage/back-off.ts', 'storage/metadata', 'storage/metadata/queries'],
  'storage/metadata/transfer': [
    'src/oci',
    'storage/metadata',
    'storage/metadata/queries',
    'storage/metadata/sqlite',
    'storage/metadata/postgres',
  ],
  'storage/metadata/snapshot': [
    'storage/metadata',
    'storage/metadata/postgres',
    'storage/metadata/queries',
    'storage/metadata/sqlite',
    'storage/metadata/transfer',
  ],
  'src/oci': [],
  'src/platform': [],
  'src/observability': [],
  'src/telemetry': [],
  'src/telemetry/sdk': ['src/telemetry'],
  'src/coordination': ['src/observability', 'storage'],
  'src/limits': ['src/coordination', 'storage'],
  'src/events': ['src/coordination', 'src/observability', 'storage'],
  'src/content': ['src/coordination', 'src/oci', 'storage'],
  'src/signatures': ['src/content', 'src/coordination', 'src/oci', 'storage'],
  'src/registry': ['src/content', 'src/coordination', 'src/oci', 'src/registry/quotas', 'src/signatures', 'storage'],
  'src/registry/quotas': ['src/oci', 'storage'],
  'src/access/credentials': ['src/coordination', 'src/oci'],
  'src/access/permissions': ['src/oci', 'storage'],
  'src/access/federation': ['src/access/credentials', 'src/access/permissions', 'src/coordination', 'src/oci', 'src/platform'],
  'src/access/accounts': [
    'src/access/credentials',
    'src/access/federation',
    'src/access/permissions',
    'src/coordination',
    'src/oci',
    'storage',
  ],
  'src/access/login': [
    'src/access/accounts',
    'src/access/credentials',
    'src/access/federation',
    'src/access/permissions',
    'src/coordination',
    'src/oci',
    'storage',
  ],
  'src/access/tokens': [
    'src/access/accounts',
    'src/access/credentials',
    'src/access/permissions',
    'src/coordination',
    'src/oci',
    'storage',
  ],
  'src/access': ['src/access', 'src/coordination', 'src/oci', 'storage'],
  'src/upstream': ['src/coordination', 'src/oci', 'src/platform', 'src/telemetry', 'storage/back-off.ts'],
  'src/mirror/events': [],
  'src/mirror/names': ['src/upstream', 'src/oci', 'storage'],
  'src/mirror/remote': ['src/mirror/events', 'src/coordination', 'src/mirror/names', 'src/upstream', 'src/oci', 'storage'],
  'src/mirror/visibility': [
    'src/mirror/events',
    'src/coordination',
    'src/mirror/names',
    'src/mirror/remote',
    'src/upstream',
    'src/oci',
    'storage',
  ],
  'src/mirror/check': ['src/oci', 'src/upstream', 'storage'],
  'src/mirror/traffic': ['src/mirror/fills', 'src/observability', 'src/oci', 'storage'],
  'src/mirror/fills': ['src/mirror/events', 'src/coordination', 'src/upstream', 'src/oci', 'storage'],
  'src/mirror/cache': ['src/mirror/events', 'src/content', 'src/coordination', 'src/oci', 'storage'],
  'src/mirror/content': [
    'src/mirror/events',
    'src/content',
    'src/coordination',
    'src/mirror/fills',
    'src/mirror/names',
    'src/mirror/remote',
    'src/upstream',
    'src/oci',
    'storage',
  ],
  'src/mirror': [
    'src/content',
    'src/coordination',
    'src/mirror',
    'src/observability',
    'src/oci',
    'src/progress',
    'src/registry',
    'src/telemetry',
    'src/upstream',
    'storage',
  ],
  'src/maintenance': ['src/content', 'src/coordination', 'src/events', 'src/oci', 'src/registry', 'src/upstream', 'storage'],
  'src/archives/tar': [],
  'src/progress': ['src/oci', 'storage'],
  'src/archives': [
    'src/archives',
    'src/content',
    'src/coordination',
    'src/images/layers',
    'src/oci',
    'src/progress',
    'src/registry',
    'src/signatures',
    'storage',
  ],
  'src/images/description': ['src/content', 'src/oci', 'src/registry', 'storage'],
  'src/images/index': [],
  'src/images/packages': ['src/images/index'],
  'src/images/layers': ['src/images/index', 'src/images/packages'],
  'src/images/merge': ['src/images/index', 'src/images/layers'],
  'src/images/worker': ['src/images/index', 'src/images/layers', 'src/images/merge'],
  'src/images/content': ['src/images/index', 'src/images/layers', 'storage/blobs'],
  'src/images': [
    'src/content',
    'src/coordination',
    'src/events',
    'src/images',
    'src/oci',
    'src/progress',
    'src/registry',
    'src/signatures',
    'storage',
  ],
  'src/catalog': ['src/coordination', 'src/oci', 'storage'],
  'src/webhooks': ['src/coordination', 'src/events', 'src/observability', 'src/oci', 'src/registry', 'src/upstream', 'storage'],
  'src/search': ['src/catalog', 'src/oci', 'storage'],
  'src/http/errors': [
    'src/access/accounts',
    'src/access/credentials',
    'src/access/federation',
    'src/coordination',
    'src/images/index',
    'src/oci',
    'src/platform',
    'src/mirror',
    'src/upstream',
    'storage',
  ],
  'src/http/server': [
    'src/coordination',
    'src/http/errors',
    'src/http/transfer',
    'src/limits',
    'src/mirror/remote',
    'src/oci',
    'src/platform',
    'src/telemetry',
  ],
  'src/http/transfer': ['src/coordination', 'src/http/errors', 'src/oci', 'src/platform', 'storage/blobs'],
  'src/http/auth': [
    'src/access',
    'src/http/errors',
    'src/http/server',
    'src/mirror/visibility',
    'src/oci',
    'src/progress',
    'storage/metadata',
  ],
  'src/http/archives': [
    'src/archives',
    'src/http/auth',
    'src/http/errors',
    'src/http/transfer',
    'src/oci',
    'src/registry',
    'storage/blobs',
  ],
  'src/http/api': [
    'src/access',
    'src/archives',
    'src/http/archives',
    'src/http/auth',
    'src/http/catalog.ts',
    'src/http/overviews',
    'src/http/errors',
    'src/http/server',
    'src/http/transfer',
    'src/images',
    'src/limits',
    'src/maintenance',
    'src/mirror/images',
    'src/mirror/check',
    'src/mirror/traffic',
    'src/oci',
    'src/progress',
    'src/registry',
    'src/webhooks',
    'storage/blobs',
  ],
  'src/http': [
    'src/http',
    'src/access',
    'src/archives',
    'src/catalog',
    'src/content',
    'src/coordination/lru.ts',
    'src/images',
    'src/limits',
    'src/maintenance',
    'src/mirror',
    'src/observability',
    'src/oci',
    'src/platform',
    'src/progress',
    'src/registry',
    'src/search',
    'src/telemetry',
    'src/webhooks',
    'storage',
  ],
  'src/assembly': ['config', 'src', 'storage'],
  'src/cli/program': ['config', 'src/access/accounts', 'src/observability', 'src/oci'],
  'src/cli/tool': ['config', 'src/assembly', 'src/cli/program'],
  'src/cli/doctor': ['config', 'src/assembly', 'src/cli/program', 'src/cli/tool', 'src/oci', 'src/upstream', 'storage'],
  'src/cli/serve': [
    'config',
    'src/app.ts',
    'src/assembly',
    'src/cli/program',
    'src/http/transfer',
    'src/observability',
    'src/platform',
    'storage/metadata/sqlite',
  ],
  'src/cli/accounts': ['config', 'src/access', 'src/assembly', 'src/cli/program', 'src/oci', 'storage/metadata'],
  'src/cli/content': ['config', 'src/assembly', 'src/cli/accounts', 'src/cli/program', 'src/oci', 'src/registry'],
  'src/cli/maintenance': ['config', 'src', 'storage'],
  'src/cli': ['config', 'src/assembly', 'src/cli'],
  src: ['config', 'storage', 'src'],
};

/** Modules and packages, with everything below them, that only some places may use. */
const reserved: Readonly<Record<string, readonly string[]>> = {
  'node:http': ['src/http', 'src/app.ts', 'src/mirror', 'src/upstream'],
  'node:https': ['src/http', 'src/upstream'],
  'node:sqlite': ['storage/blobs/inventory', 'storage/metadata/sqlite', 'storage/metadata/snapshot', 'storage/metadata/transfer'],
  'node:cluster': ['src/cli/serve', 'src/observability'],
  'node:child_process': ['src/cli/serve', 'src/upstream'],
  '@aws-sdk': ['storage/blobs/s3'],
  '@opentelemetry': ['src/telemetry/sdk'],
  '@sigstore': ['src/signatures'],
  bcryptjs: ['src/access/credentials'],
  cborg: ['src/signatures'],
  commander: ['src/cli/program'],
  'd3-hierarchy': ['src/http/ui'],
  express: ['src/http'],
  jose: ['src/access'],
  jsonwebtoken: ['src/access/tokens'],
  pako: ['src/images/layers'],
  'openid-client': ['src/access/federation'],
  'markdown-it': ['src/http/ui/parts'],
  multer: ['src/http/archives'],
  pg: ['storage/metadata/postgres', 'storage/metadata/snapshot', 'storage/metadata/transfer'],
  pino: ['src/observability'],
  'prom-client': ['src/observability'],
  tar: ['src/archives/tar'],
  yaml: ['config'],
  zod: ['src/http/api'],
};

const maxFileLines = 300;
const maxFunctionLines = 60;
const maxFolderFiles = 20;
/** The formatter does not break comments; with code it is 130 at most. */
const maxCommentColumns = 130;

const root = resolve(import.meta.dirname, '..');

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const files = ['config', 'storage', 'src'].flatMap(sources);
const textOf = (file: string) => readFileSync(join(root, file), 'utf8');

function importsOf(file: string, text: string): string[] {
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] ?? '');
  return specifiers.map((specifier) => (specifier.startsWith('.') ? join(dirname(file), specifier) : specifier));
}

const isInside = (file: string, place: string) => file === place || file.startsWith(`${place}/`);

function roomOf(file: string): string {
  const rooms = Object.keys(mayImport).filter((room) => isInside(file, room));
  return rooms.sort((one, other) => other.length - one.length)[0] ?? '';
}

/** Sentences about what the file must not do. */
function violations(file: string, text: string): string[] {
  const room = roomOf(file);
  const found: string[] = [];
  for (const target of importsOf(file, text)) {
    const allowedPlaces = Object.entries(reserved).find(([module]) => isInside(target, module))?.[1];
    if (allowedPlaces && !allowedPlaces.some((place) => isInside(file, place))) found.push(`${file} must not use ${target}`);
    if (isInside(file, 'src/http') && isInside(target, 'storage/metadata/queries'))
      found.push(`${file} must not use records of the database: ${target}`);
    const targetRoom = files.includes(target) ? roomOf(target) : room;
    if (targetRoom !== room && !(mayImport[room] ?? []).some((place) => isInside(target, place)))
      found.push(`${file} must not import ${target}`);
  }
  if (/\bprocess\.(?:env|exit)\b/.test(text) && file !== 'src/main.ts' && room !== 'config')
    found.push(`${file} must not touch process.env or process.exit`);
  if (text.split('\n').some((line) => /^\s*(?:\/\/|\/?\*)/.test(line) && line.length > maxCommentColumns))
    found.push(`${file} has a comment of more than ${maxCommentColumns} columns`);
  if (file.startsWith('src/') && file.endsWith('/index.ts')) found.push(`${file} is a barrel file`);
  return found;
}

/** Returns a cycle of the graph, if there is one. Imports of types count: a reader follows them too. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of graph.get(file) ?? []) {
      const cycle = visit(target, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}

describe('architecture', () => {
  test.each(files)('%s keeps to the arrows', (file) => {
    expect(violations(file, textOf(file))).toEqual([]);
  });

  test.each(['sqlite', 'postgres'])('no two migrations of %s have the same number', (dialect) => {
    const names = readdirSync(resolve(import.meta.dirname, '../storage/metadata/migrations', dialect));
    const numbers = names.map((name) => name.slice(0, 4));
    expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).toEqual([]);
  });

  const graph = new Map(files.map((file) => [file, importsOf(file, textOf(file)).filter((target) => files.includes(target))]));

  test('there is no import cycle between files', () => {
    expect(findCycle(graph)).toBeUndefined();
  });

  test('there is no import cycle between folders', () => {
    // The entry point stands beside what the commands run.
    const folder = (file: string) => (file === 'src/main.ts' ? file : dirname(file));
    const folders = new Map<string, string[]>();
    for (const [file, targets] of graph) {
      const others = targets.map(folder).filter((target) => target !== folder(file));
      folders.set(folder(file), [...(folders.get(folder(file)) ?? []), ...others]);
    }
    expect(findCycle(folders)).toBeUndefined();
  });

  test('digests and repository names have their own types wherever the metadata store takes or returns them', () => {
    const untyped = /\b(?:digests?|manifest|repository|repositories|proof|neededBy)\??: (?:readonly )?string\b/;
    const queries = files.filter((file) => isInside(file, 'storage/metadata/queries'));
    expect(queries.filter((file) => untyped.test(textOf(file)))).toEqual([]);
  });

  test('the check catches what it is there for', () => {
    expect(violations('src/oci/digest.ts', "import { x } from '../registry/blobs.ts';")).toHaveLength(1);
    expect(violations('src/registry/blobs.ts', "import { createServer } from 'node:http';")).toHaveLength(1);
    expect(violations('storage/blobs/layout.ts', 'process.env.HOME')).toHaveLength(1);
    expect(violations('src/registry/blobs.ts', "import { S3 } from '@aws-sdk/client-s3';")).toHaveLength(1);
    expect(violations('src/http/web.ts', "import { find } from '../../storage/metadata/queries/reads.ts';")).toHaveLength(1);
    expect(violations('src/registry/index.ts', '')).toHaveLength(1);
    expect(
      findCycle(
        new Map([
          ['a', ['b']],
          ['b', ['a']],
        ]),
      ),
    ).toEqual(['a', 'b', 'a']);
  });

  test('each migration has a number of its own, and both databases have the same migrations', () => {
    const names = (dialect: string) => readdirSync(join(root, 'storage/metadata/migrations', dialect)).sort();
    expect(names('sqlite').map((name) => Number(name.slice(0, 4)))).toEqual(names('sqlite').map((_, index) => index + 1));
    expect(names('postgres')).toEqual(names('sqlite'));
  });

  test(`no file has more than ${maxFileLines} lines`, () => {
    const long = files.filter((file) => lineCount({ path: file, text: textOf(file) }) > maxFileLines);
    expect(long).toEqual([]);
  });

  test(`no function has more than ${maxFunctionLines} lines of its own`, () => {
    const functions = files.flatMap((file) => functionsOf({ path: file, text: textOf(file) }));
    const long = functions.filter(({ ownLines }) => ownLines > maxFunctionLines).map(({ name }) => name);
    expect(long).toEqual([]);
  });

  test(`no folder has more than ${maxFolderFiles} files`, () => {
    const counts = new Map<string, number>();
    for (const path of files) counts.set(folderOf({ path }), (counts.get(folderOf({ path })) ?? 0) + 1);
    const crowded = [...counts.keys()].filter((folder) => (counts.get(folder) ?? 0) > maxFolderFiles);
    expect(crowded).toEqual([]);
  });
});
