/**
 * Measures berth against Debian's docker-registry: npm run bench [-- --only TEXT] [--runs N] [--quick] [--json FILE]
 * Both run on this machine, on the same data, and each workload is run alternately on both.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Result, type Run, footprintTable, table } from './report.ts';
import { type Server, berth, peer, startServer } from './server.ts';
import type { Scale, Workload } from './workload.ts';
import { type Footprint, footprint, workloads } from './workloads.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    runs: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const scale: Scale = { quick: values.quick };
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
  const [ours, theirs]: [Run[], Run[]] = [[], []];
  for (let round = 0; round < runs; round++) {
    ours.push(await measure(workload, servers[0], round));
    theirs.push(await measure(workload, servers[1], round));
  }
  return { name: workload.name, unit: workload.unit, ours, theirs };
}

const servers = [await startServer(berth), await startServer(peer)] as const;
const results: Result[] = [];
let footprints: [Footprint, Footprint] | undefined;
try {
  for (const workload of workloads) {
    if (values.only !== undefined && !workload.name.includes(values.only)) continue;
    process.stderr.write(`${workload.name} …\n`);
    results.push(await compare(workload, servers));
  }
  if (values.only === undefined) footprints = [await footprint(servers[0]), await footprint(servers[1])];
} finally {
  await Promise.all(servers.map((server) => server.close()));
}
print(table(results));
if (footprints) print(`\n${footprintTable(footprints)}`);
if (values.json !== undefined) await writeFile(values.json, JSON.stringify({ results, footprints }, undefined, 2));
