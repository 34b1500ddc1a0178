/**
 * Compares two servers: npm run bench [-- --setup NAME] [--only TEXT] [--runs N] [--quick] [--json FILE]
 * Both run on this machine with the same data, and each workload runs alternately on both. The default setup compares
 * berth with Debian's docker-registry; `setups.ts` lists the others.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Result, type Run, describeScale, footprintTable, table } from './report.ts';
import { type Server, startServer, untilIdle } from './server.ts';
import { setups } from './setups.ts';
import { type Workload, quickScale } from './workload.ts';
import { type Footprint, footprint, workloads } from './workloads.ts';

const { values } = parseArgs({
  options: {
    setup: { type: 'string', default: 'embedded' },
    only: { type: 'string' },
    runs: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const openSetup = setups[values.setup];
if (!openSetup) throw new Error(`--setup is one of ${Object.keys(setups).join(', ')}`);
const setup = await openSetup();
const scale = values.quick ? quickScale : setup.scale;
const runs = Number(values.runs);
const print = (text: string) => process.stdout.write(`${text}\n`);

async function measure(workload: Workload, server: Server, round: number): Promise<Run> {
  const cpuBefore = await server.cpuSeconds();
  const started = performance.now();
  const { units } = await workload.run(server, scale, round);
  const wall = (performance.now() - started) / 1000;
  return { cpu: ((await server.cpuSeconds()) - cpuBefore) / units, wall: wall / units };
}

async function compare(workload: Workload, servers: readonly [Server, Server]): Promise<Result> {
  for (const server of servers) await workload.prepare?.(server, scale);
  // Work that follows the data of a listing, such as its links, is no part of the listing.
  if (workload.kind === 'listing') await Promise.all(servers.map(untilIdle));
  const [ours, theirs]: [Run[], Run[]] = [[], []];
  const turns = [
    { server: servers[0], results: ours },
    { server: servers[1], results: theirs },
  ];
  for (let round = 0; round < runs; round++) {
    for (const { server, results } of turns) results.push(await measure(workload, server, round));
    // The first server of a round pays for pages that the disk is still writing.
    turns.reverse();
  }
  return { name: workload.name, unit: workload.unit, ours, theirs };
}

const [first, second] = setup.launches;
const servers = [await startServer(first), await startServer(second)] as const;
const names = servers.map(({ name }) => name);
const results: Result[] = [];
let footprints: [Footprint, Footprint] | undefined;
try {
  for (const workload of workloads) {
    if (!setup.suits(workload) || (values.only !== undefined && !workload.name.includes(values.only))) continue;
    process.stderr.write(`${workload.name} …\n`);
    results.push(await compare(workload, servers));
  }
  if (values.only === undefined && values.setup === 'embedded') {
    footprints = [await footprint(servers[0]), await footprint(servers[1])];
  }
} finally {
  await Promise.all(servers.map((server) => server.close()));
  await setup.close();
}
print(`${describeScale(scale)}\n\n${table(names, results)}`);
if (footprints) print(`\n${footprintTable(names, footprints)}`);
if (values.json !== undefined) await writeFile(values.json, JSON.stringify({ names, scale, results, footprints }, undefined, 2));
process.exit(0);
