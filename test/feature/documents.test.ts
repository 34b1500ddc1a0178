import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { createMetrics } from '../../src/observability/metrics.ts';

const root = resolve(import.meta.dirname, '../..');
const inFolder = (folder: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
const documents = [...readdirSync(root).filter((name) => name.endsWith('.md')), ...inFolder('docs')];
const textOf = (file: string) => readFileSync(join(root, file), 'utf8');

const idleMirror = {
  fills: 0,
  fillBytes: 0,
  sizeBytes: 0,
  limits: [],
  refusedLogins: [],
  circuits: [],
  connections: [],
};

/** Returns the anchors of the document's headings, as GitHub makes them. */
function anchors(file: string): readonly string[] {
  return [...textOf(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each(documents)('%s: each link leads to an existing file and heading', (file) => {
  const links = [...textOf(file).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
  const broken = links.filter(([, path = '', anchor]) => {
    const target = path === '' ? file : relative(root, join(root, dirname(file), path));
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && target.endsWith('.md') && !anchors(target).includes(anchor);
  });
  expect(broken.map(([link]) => link)).toEqual([]);
});

test.each(documents)('%s: its YAML can be parsed', (file) => {
  const blocks = [...textOf(file).matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, block = '']) => block);
  const errors = blocks.flatMap((block) => parseAllDocuments(block).flatMap((document) => document.errors.map(String)));
  expect(errors).toEqual([]);
});

test('every file that ARCHITECTURE.md names exists', () => {
  const folders = ['bench', 'config', 'src', 'storage', 'test'];
  const inside = (folder: string) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  const files = folders.flatMap((folder) => ['', ...inside(folder)].map((name) => join('/', folder, name)));
  const named = [...textOf('ARCHITECTURE.md').matchAll(/`([\w./-]+(?:\/|\.(?:ts|c|yaml)))`/g)].map(([, path = '']) => path);
  const absent = named.filter((path) => !files.some((file) => join(file, '/').endsWith(join('/', path, '/'))));
  expect(named.length).toBeGreaterThan(20);
  expect(absent).toEqual([]);
});

test('docs/operation.md lists every metric of berth', async () => {
  const metrics = createMetrics();
  metrics.events.watch(() => Promise.resolve([]));
  metrics.watchMirror(() => idleMirror);
  metrics.collection.watchOverdue(() => Promise.resolve(0));
  metrics.backup.watchAge(() => Promise.resolve(0));
  metrics.verification.watch({ coverage: () => Promise.resolve(1), countCorrupt: () => Promise.resolve(0) });
  metrics.sync.watchAges(() => Promise.resolve([]));
  metrics.limits.watchReadOnly(() => Promise.resolve(false));
  metrics.quotas.watchCounting(() => Promise.resolve(false));
  metrics.webhooks.watch(() => Promise.resolve([]));
  metrics.watchStorage({ amounts: () => Promise.resolve(undefined), disk: () => Promise.resolve(undefined) });
  const names = [...(await metrics.text()).matchAll(/^# TYPE (berth_\w+)/gm)].map(([, name = '']) => name);
  const listed = [...textOf('docs/operation.md').matchAll(/^\| `berth_.*$/gm)].flatMap(([row]) => row.match(/berth_\w+/g) ?? []);
  expect(listed.sort()).toEqual(names.sort());
});

const sourceText = ['bin', 'config', 'src', 'storage']
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)))
  .filter((name) => /\.(?:ts|cjs)$/.test(name))
  .map(textOf)
  .join('\n');

/** The rows of docs/operation.md about messages that berth prints itself: the longest part without a variable text. */
const ownMessages = [...textOf('docs/operation.md').matchAll(/^\| `([^`]+)` \| [^|]*(?:start|log)[^|]* \|/gm)].map(
  ([, message = '']) =>
    message
      .split(/…|: |;/)
      .sort((one, other) => other.length - one.length)[0]
      ?.trim() ?? '',
);

test('docs/operation.md quotes messages that berth prints', () => {
  expect(ownMessages.length).toBeGreaterThan(5);
  expect(ownMessages.filter((message) => !sourceText.includes(message))).toEqual([]);
});
