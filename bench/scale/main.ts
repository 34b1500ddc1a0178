/** Prints the tables of docs/scale.md: npm run scale [-- --measure], which measures what the model is fed with anew. */
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

const print = (text: string) => process.stdout.write(`${text}\n\n`);
const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
const number = (value: number) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value >= 1 ? value.toFixed(1) : value.toPrecision(2);

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

print(
  markdown([
    ['measured', ''],
    ...Object.entries(costs).map(([name, seconds]: [string, number]) => [name, `${(seconds * 1e6).toPrecision(3)} µs of a core`]),
    ...Object.entries(demands).map(([name, count]: [string, number]) => [name, count.toFixed(1)]),
  ]),
);
print(traceTable(profile));
print(loadTable(loads));
process.exit(0);
