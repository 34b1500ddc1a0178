/** Writes the tables of docs/scale.md: npm run scale [-- --measure], which also measures the costs of the model again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { markdown } from '../report.ts';
import { type Costs, type Demands, type Load, predict } from './model.ts';
import { type Profile, simulate } from './simulate.ts';

const profile = simulate({ images: 20_000, clients: 500, operations: 400_000, pushPart: 0.07, seed: 1 });
const file = new URL('costs.json', import.meta.url);
if (process.argv.includes('--measure')) {
  const { measure } = await import('./measure.ts');
  writeFileSync(file, `${JSON.stringify(await measure(), undefined, 2)}\n`);
}
const { costs, demands } = JSON.parse(readFileSync(file, 'utf8')) as { costs: Costs; demands: Demands };
const loads = [1e4, 1e6, 1e8].map((pulls) => predict(pulls, profile, costs, demands));

const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
const number = (value: number) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value >= 1 ? value.toFixed(1) : value.toPrecision(2);

const microseconds = (seconds: number) => {
  const value = seconds * 1e6;
  return value >= 1000
    ? `${(value / 1000).toFixed(1)} ms`
    : value >= 1
      ? `${value.toFixed(0)} µs`
      : `${(value * 1000).toFixed(1)} ns`;
};

const labels: Readonly<Record<string, string>> = {
  manifestGet: 'CPU of berth: GET of a manifest by tag',
  blobRedirect: 'CPU of berth: GET of a blob, answered with a signed URL',
  blobPush: 'CPU of berth: push of a blob',
  manifestPut: 'CPU of berth: push of a manifest',
  pushedByte: 'CPU of berth: each byte pushed',
  read: 'CPU of PostgreSQL: a read',
  write: 'CPU of PostgreSQL: a transaction of a push',
  readsPerManifestGet: 'PostgreSQL: reads for a GET of a manifest',
  readsPerBlobGet: 'PostgreSQL: reads for a GET of a blob',
  writesPerBlobPush: 'PostgreSQL: transactions for a push of a blob',
  writesPerManifestPut: 'PostgreSQL: transactions for a push of a manifest',
  s3PerSmallBlobPush: 'S3: requests for a push of a blob',
  s3PerManifestPut: 'S3: requests for a push of a manifest',
};

function traceTable(trace: Profile): string {
  return markdown([
    ['of the trace', ''],
    ['layers below 1 MB, below 10 MB', `${percent(trace.layersBelow1MB)}, ${percent(trace.layersBelow10MB)}`],
    ['operations that are pulls', percent(trace.pullPart)],
    ['pulls whose client has every layer', percent(trace.pullsWithoutBlobs)],
    ['blobs that a pull fetches', number(trace.blobsPerPull)],
    ['bytes that a pull fetches', `${number(trace.bytesPerPull / 1e6)} MB`],
    ['blobs that a push brings', number(trace.blobsPerPush)],
    ['bytes that a push brings', `${number(trace.bytesPerPush / 1e6)} MB`],
    ['manifest GETs that a replica has not in memory', percent(trace.manifestMisses)],
  ]);
}

function loadTable(all: readonly Load[]): string {
  const row = (name: string, show: (load: Load) => string) => [name, ...all.map(show)];
  return markdown([
    row('pulls a day', ({ pullsPerDay }) => pullsPerDay.toLocaleString('en')),
    row('requests a second, busiest hour', (load) => number(load.requestsPerSecond)),
    row('cores of berth, half busy', (load) => number(load.berthCores)),
    row('replicas of 2 cores', (load) => number(load.replicas)),
    row('PostgreSQL: reads a second', (load) => number(load.databaseReads)),
    row('PostgreSQL: transactions that write, a second', (load) => number(load.databaseWrites)),
    row('PostgreSQL: cores, half busy', (load) => number(load.databaseCores)),
    row('S3: requests a second', (load) => number(load.s3PerSecond)),
    row('from the bucket to clients', (load) => `${number(load.pulledGbps)} Gbit/s`),
    row('through berth into the bucket', (load) => `${number(load.pushedMBps)} MB/s`),
    row('S3: GET a day', (load) => number(load.s3Gets)),
    row('S3: PUT and the like a day', (load) => number(load.s3Puts)),
    row('S3: price of the requests a day', (load) => `$${number(load.dollarsPerDay)}`),
  ]);
}

const measuredTable = markdown([
  ['measured', ''],
  ...Object.entries(costs).map(([name, seconds]: [string, number]) => [labels[name] ?? name, microseconds(seconds)]),
  ...Object.entries(demands).map(([name, count]: [string, number]) => [labels[name] ?? name, count.toFixed(1)]),
]);
const tables = [measuredTable, traceTable(profile), loadTable(loads)].join('\n\n');
process.stdout.write(`${tables}\n`);
const page = new URL('../../docs/scale.md', import.meta.url);
const marked = /(<!-- tables: begin[^>]*-->\n)[^]*(<!-- tables: end -->)/;
writeFileSync(
  page,
  readFileSync(page, 'utf8').replace(marked, (_all, begin: string, end: string) => `${begin}\n${tables}\n\n${end}`),
);
process.exit(0);
