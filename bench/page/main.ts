/**
 * Measures the CPU of views of the page in manifest GETs of the same server, in a registry with 10,000 tags and in one with
 * `--tags`: npm run bench:page [-- --tags N] [--only TEXT] [--quick]
 * Each view has a budget; the command fails if one is exceeded. `--only pulls` measures pulls while browsers use the page.
 */
import { parseArgs } from 'node:util';
import { repeat } from '../client.ts';
import { markdown, median } from '../report.ts';
import { type Server, startServer } from '../server.ts';
import { berth } from '../setups.ts';
import { baseLayer, imageRepository, pushImages } from './image.ts';
import { measurePulls } from './pulls.ts';
import { repositoriesOf, seed } from './seed.ts';
import { type View, views } from './views.ts';

const { values } = parseArgs({
  options: {
    tags: { type: 'string', default: '1000000' },
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
  },
});
const sizes = values.quick ? [1000] : [10_000, Number(values.tags)];
const rounds = values.quick ? 1 : 5;
/** The operating system counts CPU in these. */
const tickSeconds = 0.01;
/** CPU of one measurement. */
const measuredSeconds = values.quick ? 0 : 0.5;
const probeRequests = 20;
const connections = 4;

const manifestPath = `/v2/${imageRepository}/manifests/1`;

/** Starts a server with so many tags, of which those of an image have content. */
async function open(tags: number): Promise<Server> {
  const server = await startServer(berth('berth'));
  await pushImages(server);
  await server.restart(() => seed(server.directory, { tags, sharedLayer: baseLayer }));
  return server;
}

async function cpuOf(server: Server, path: string, count: number): Promise<number> {
  const before = await server.cpuSeconds();
  await repeat(server, 'GET', path, count, connections);
  return Math.max(tickSeconds, (await server.cpuSeconds()) - before);
}

/** Returns how many requests take about `measuredSeconds` of CPU. The first requests load code and caches. */
async function countFor(server: Server, path: string): Promise<number> {
  await repeat(server, 'GET', path, probeRequests, connections);
  const seconds = await cpuOf(server, path, probeRequests);
  return Math.ceil(Math.max(probeRequests, (probeRequests * measuredSeconds) / seconds));
}

interface Cost {
  /** Seconds of one request. */
  readonly cpu: number;
  readonly ratio: number;
}

/** Measures a view and a manifest alternately. */
async function measure(server: Server, { path }: View): Promise<Cost> {
  const manifests = await countFor(server, manifestPath);
  const count = await countFor(server, path);
  const found: Cost[] = [];
  for (let round = 0; round < rounds; round++) {
    const manifest = (await cpuOf(server, manifestPath, manifests)) / manifests;
    const cpu = (await cpuOf(server, path, count)) / count;
    found.push({ cpu, ratio: cpu / manifest });
  }
  return { cpu: median(found.map(({ cpu }) => cpu)), ratio: median(found.map(({ ratio }) => ratio)) };
}

/** Resolves to true if a view exceeds its budget. */
async function measureViews(servers: readonly Server[]): Promise<boolean> {
  const rows: string[][] = [];
  let isExceeded = false;
  for (const view of views.filter(({ name }) => name.includes(values.only))) {
    const costs: Cost[] = [];
    for (const server of servers) costs.push(await measure(server, view));
    isExceeded ||= costs.some(({ ratio }) => ratio > view.budget);
    const cells = [...costs.map(({ cpu }) => (cpu * 1e6).toFixed(0)), ...costs.map(({ ratio }) => ratio.toFixed(1))];
    rows.push([view.name, ...cells, String(view.budget)]);
    process.stderr.write(`${rows.at(-1)?.join(' ') ?? ''}\n`);
  }
  const sizeOf = (tags: number) => `${tags.toLocaleString('en')} tags`;
  const described = sizes.map((tags) => `${sizeOf(tags)} in ${repositoriesOf(tags).toLocaleString('en')} repositories`);
  process.stdout.write(`Registries: ${described.join('; ')}.\n\n`);
  const each = (unit: string) => sizes.map((tags) => `${unit}, ${sizeOf(tags)}`);
  process.stdout.write(`${markdown([['view', ...each('CPU µs'), ...each('manifest GETs'), 'budget'], ...rows])}\n`);
  return isExceeded;
}

const servers: Server[] = [];
let isExceeded = false;
try {
  for (const tags of sizes) servers.push(await open(tags));
  if (values.only !== 'pulls') isExceeded = await measureViews(servers);
  const [last] = servers.slice(-1);
  if (last && 'pulls'.includes(values.only)) process.stdout.write(`\n${markdown(await measurePulls(last, values.quick))}\n`);
} finally {
  await Promise.all(servers.map((server) => server.close()));
}
process.exit(isExceeded ? 1 : 0);
