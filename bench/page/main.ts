/**
 * Measures the CPU of views of the page in manifest GETs of the same server, in a registry with 10,000 tags and in one with
 * `--tags`: npm run bench:page [-- --tags N] [--only TEXT] [--quick]
 * Each view has a budget; the command fails if one is exceeded. Lists are also measured for a user who may pull ten of the
 * repositories (`--only "user who sees ten"`). `--only pulls` measures pulls while browsers use the page, and what the record of
 * a pull costs.
 */
import { parseArgs } from 'node:util';
import { repeat } from '../client.ts';
import { markdown, median } from '../report.ts';
import { type Server, startServer } from '../server.ts';
import { berth } from '../setups.ts';
import { baseLayer, imageRepository, pushImages } from './image.ts';
import { measurePulls } from './pulls.ts';
import { measureRecording } from './recording.ts';
import { repositoriesOf, repositoryName, seed } from './seed.ts';
import { type View, views } from './views.ts';
import { asViewer, tokenSettings } from './viewer.ts';

const { values } = parseArgs({
  options: {
    tags: { type: 'string', default: '1000000' },
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
  },
});
const sizes = values.quick ? [1000] : [10_000, Number(values.tags)];
/** Many short rounds: what else the machine does then slows both sides of most rounds. */
const rounds = values.quick ? 1 : 15;
/** CPU of one measurement. */
const measuredSeconds = values.quick ? 0 : 0.04;
const probeRequests = 20;
/** Requests before a measurement: until then the server compiles the code of the view. */
const warmUpRequests = values.quick ? 0 : 400;
const connections = 4;

const manifestPath = `/v2/${imageRepository}/manifests/1`;

/** Starts a server with so many tags, of which those of an image have content. */
async function open(tags: number): Promise<Server> {
  const server = await startServer(berth('berth'));
  await pushImages(server);
  await server.restart(() => seed(server.directory, { tags, sharedLayer: baseLayer }));
  return server;
}

/** Starts a server with the most tags for a user who may pull ten of its repositories. */
async function openForViewer(): Promise<Server> {
  const tags = sizes.at(-1) ?? 0;
  const server = await startServer(berth('berth, ten repositories', tokenSettings));
  await server.restart(() => seed(server.directory, { tags, sharedLayer: baseLayer }));
  const step = repositoriesOf(tags) / 10;
  return asViewer(
    server,
    Array.from({ length: 10 }, (_, at) => repositoryName(Math.floor(at * step) + 1)),
  );
}

async function cpuOf(server: Server, path: string, count: number): Promise<number> {
  const before = await server.threadSeconds();
  await repeat(server, 'GET', path, count, connections);
  return (await server.threadSeconds()) - before;
}

/** Returns how many requests take about `measuredSeconds` of CPU. */
async function countFor(server: Server, path: string): Promise<number> {
  await repeat(server, 'GET', path, probeRequests + warmUpRequests, connections);
  const seconds = await cpuOf(server, path, probeRequests);
  return Math.ceil(Math.max(probeRequests, (probeRequests * measuredSeconds) / seconds));
}

interface Cost {
  /** Seconds of one request. */
  readonly cpu: number;
  readonly ratio: number;
}

/** Measures a view and a manifest of `pulled` alternately. */
async function measure(server: Server, { path }: View, pulled = server): Promise<Cost> {
  const manifests = await countFor(pulled, manifestPath);
  const count = await countFor(server, path);
  const found: Cost[] = [];
  for (let round = 0; round < rounds; round++) {
    const manifest = (await cpuOf(pulled, manifestPath, manifests)) / manifests;
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

const viewerName = 'user who sees ten';

/** Measures the lists for a user who sees ten of the repositories. Resolves to true if a view exceeds its budget. */
async function measureViewer(pulled: Server): Promise<boolean> {
  const server = await openForViewer();
  servers.push(server);
  const rows: string[][] = [];
  let isExceeded = false;
  for (const view of views.filter(({ isList }) => isList)) {
    const { cpu, ratio } = await measure(server, view, pulled);
    isExceeded ||= ratio > view.budget;
    rows.push([view.name, (cpu * 1e6).toFixed(0), ratio.toFixed(1), String(view.budget)]);
    process.stderr.write(`${viewerName}: ${rows.at(-1)?.join(' ') ?? ''}\n`);
  }
  process.stdout.write(`\n${markdown([[`view of a ${viewerName}`, 'CPU µs', 'manifest GETs', 'budget'], ...rows])}\n`);
  return isExceeded;
}

const servers: Server[] = [];
let isExceeded = false;
try {
  for (const tags of sizes) servers.push(await open(tags));
  if (values.only !== 'pulls' && values.only !== viewerName) isExceeded = await measureViews(servers);
  const last = servers[sizes.length - 1];
  if (last && viewerName.includes(values.only)) isExceeded = (await measureViewer(last)) || isExceeded;
  if (last && 'pulls'.includes(values.only)) {
    process.stdout.write(`\n${markdown(await measurePulls(last, values.quick))}\n`);
    const manifests = await countFor(last, manifestPath);
    const secondsOfPull = (await cpuOf(last, manifestPath, manifests)) / manifests;
    process.stdout.write(`\n${markdown(await measureRecording(secondsOfPull))}\n`);
  }
} finally {
  await Promise.all(servers.map((server) => server.close()));
}
process.exit(isExceeded ? 1 : 0);
