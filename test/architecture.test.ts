import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';

/** The house: what each folder may import of the others. A longer path wins over a shorter one. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  config: [],
  storage: ['src/oci'],
  'storage/blobs/filesystem': ['storage/blobs', 'storage'],
  'storage/blobs/s3': ['storage/blobs'],
  'storage/metadata/queries': [],
  'storage/metadata': ['storage/metadata/queries', 'src/oci'],
  'storage/metadata/sqlite': ['storage/metadata', 'storage/metadata/queries'],
  'storage/metadata/postgres': ['storage/metadata', 'storage/metadata/queries'],
  'storage/metadata/transfer': ['storage/metadata', 'storage/metadata/sqlite', 'storage/metadata/postgres'],
  'src/oci': [],
  'src/observability': [],
  'src/coordination': ['src/observability', 'storage'],
  'src/content': ['src/coordination', 'src/oci', 'storage'],
  'src/registry': ['src/content', 'src/coordination', 'src/oci', 'storage'],
  'src/access/credentials': ['src/coordination', 'src/oci'],
  'src/access/permissions': ['src/oci', 'storage'],
  'src/access/federation': ['src/access/credentials', 'src/access/permissions', 'src/coordination', 'src/oci'],
  'src/access/accounts': ['src/access/credentials', 'src/access/federation', 'src/access/permissions', 'src/oci', 'storage'],
  'src/access/login': [
    'src/access/accounts',
    'src/access/credentials',
    'src/access/federation',
    'src/access/permissions',
    'src/coordination',
    'src/oci',
    'storage',
  ],
  'src/access/tokens': ['src/access/accounts', 'src/access/credentials', 'src/access/permissions', 'src/oci', 'storage'],
  'src/access': ['src/access', 'src/coordination', 'src/oci', 'storage'],
  'src/mirror/events': [],
  'src/mirror/upstream': ['src/mirror/events', 'src/coordination', 'src/oci'],
  'src/mirror/names': ['src/mirror/upstream', 'src/oci', 'storage'],
  'src/mirror/remote': ['src/mirror/events', 'src/coordination', 'src/mirror/names', 'src/mirror/upstream', 'src/oci', 'storage'],
  'src/mirror/visibility': [
    'src/mirror/events',
    'src/coordination',
    'src/mirror/names',
    'src/mirror/remote',
    'src/mirror/upstream',
    'src/oci',
    'storage',
  ],
  'src/mirror/fills': ['src/mirror/events', 'src/coordination', 'src/mirror/upstream', 'src/oci', 'storage'],
  'src/mirror/cache': ['src/mirror/events', 'src/content', 'storage'],
  'src/mirror/content': [
    'src/mirror/events',
    'src/content',
    'src/coordination',
    'src/mirror/fills',
    'src/mirror/names',
    'src/mirror/remote',
    'src/mirror/upstream',
    'src/oci',
    'storage',
  ],
  'src/mirror': ['src/content', 'src/coordination', 'src/mirror', 'src/oci', 'src/registry', 'storage'],
  'src/maintenance': ['src/content', 'src/coordination', 'src/oci', 'src/registry', 'storage'],
  'src/search': ['src/oci', 'storage'],
  'src/http/errors': [
    'src/access/accounts',
    'src/access/credentials',
    'src/access/federation',
    'src/coordination',
    'src/oci',
    'src/mirror',
    'storage',
  ],
  'src/http/server': ['src/http/errors', 'src/http/transfer', 'src/mirror/remote', 'src/oci'],
  'src/http/transfer': ['src/http/errors', 'src/oci', 'storage/blobs'],
  'src/http/api': ['src/access', 'src/http/errors', 'src/http/server', 'src/http/transfer', 'src/oci', 'src/registry'],
  'src/http': [
    'src/http',
    'src/access',
    'src/content',
    'src/maintenance',
    'src/mirror',
    'src/observability',
    'src/oci',
    'src/registry',
    'src/search',
    'storage',
  ],
  'src/assembly': ['config', 'src', 'storage'],
  'src/cli': ['config', 'storage', 'src'],
  src: ['config', 'storage', 'src'],
};

/** Modules that only some places may use. */
const reserved: Readonly<Record<string, readonly string[]>> = {
  'node:http': ['src/http', 'src/app.ts', 'src/mirror'],
  'node:https': ['src/http', 'src/mirror'],
  express: ['src/http'],
  zod: ['src/http/api'],
  'node:sqlite': ['storage/metadata'],
  pg: ['storage/metadata'],
  jose: ['src/access'],
  'openid-client': ['src/access/federation'],
  jsonwebtoken: ['src/access/tokens'],
};

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
    const allowedPlaces = reserved[target];
    if (allowedPlaces && !allowedPlaces.some((place) => isInside(file, place))) found.push(`${file} must not use ${target}`);
    const targetRoom = files.includes(target) ? roomOf(target) : room;
    if (targetRoom !== room && !(mayImport[room] ?? []).some((place) => isInside(target, place)))
      found.push(`${file} must not import ${target}`);
  }
  if (/\bprocess\.(?:env|exit)\b/.test(text) && file !== 'src/main.ts' && room !== 'config')
    found.push(`${file} must not touch process.env or process.exit`);
  if (file.startsWith('src/') && file.endsWith('/index.ts')) found.push(`${file} is a barrel file`);
  return found;
}

/** A cycle of imports among `files`, if there is one. Types count: who needs whom is what a reader has to know. */
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

  test('no file imports itself by a detour', () => {
    const graph = new Map(files.map((file) => [file, importsOf(file, textOf(file)).filter((target) => files.includes(target))]));
    expect(findCycle(graph)).toBeUndefined();
  });

  test('the check catches what it is there for', () => {
    expect(violations('src/oci/digest.ts', "import { x } from '../registry/blobs.ts';")).toHaveLength(1);
    expect(violations('src/registry/blobs.ts', "import { createServer } from 'node:http';")).toHaveLength(1);
    expect(violations('storage/blobs/layout.ts', 'process.env.HOME')).toHaveLength(1);
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

  test('files stay small enough to be read', () => {
    const long = files.filter((file) => textOf(file).split('\n').length > 400);
    expect(long).toEqual([]);
  });
});
