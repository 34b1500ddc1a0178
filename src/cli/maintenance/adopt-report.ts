import { type AdoptionReport, createAdoption, describeOddity } from '../../maintenance/adopt/report.ts';
import { printable } from '../../observability/printable.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Invocation } from '../program/command.ts';
import { asksForJson, printValue, time } from '../program/output.ts';
import { inUnits } from '../program/progress.ts';

const pageSize = 500;
/** Lines of the report that `--json` prints; the text output prints all. */
const maxJsonLines = 10_000;

/** Prints what the newest run of the adoption has found. */
export async function printReport(invocation: Invocation, metadata: MetadataStore): Promise<void> {
  const adoption = createAdoption(metadata);
  const report = await adoption.find();
  if (!report) {
    printValue(invocation, 'nothing was adopted', null);
    return;
  }
  const lines: object[] = [];
  for (let page = await adoption.listOddities(undefined, pageSize); page.length > 0;) {
    for (const oddity of page) {
      if (!asksForJson(invocation)) invocation.print(printable(describeOddity(oddity)));
      else if (lines.length < maxJsonLines) lines.push(oddity);
    }
    page = await adoption.listOddities(page.at(-1), pageSize);
  }
  printValue(invocation, summarize(report), toJson(report, lines));
}

function summarize({ upstream, blobs, bytes, manifests, tags, oddities, endedAt, finishedAt, part }: AdoptionReport): string {
  const count = oddities.reduce((sum, { count }) => sum + count, 0);
  const origin = upstream === null ? '' : `mirrored content of ${upstream}: `;
  const found = `${origin}${tags} tags, ${manifests} manifests, ${blobs} blobs with ${inUnits(bytes)}; ${count} oddities`;
  if (finishedAt !== null)
    return `${found}\nthe adoption is finished: restart berth, and do not start the other registry on this store any more`;
  if (endedAt === null) return `${found}\nthe run is not complete (${Math.floor(part * 100)} %): run berth adopt again`;
  return `${found}\nmake the other registry read-only, then run berth adopt --finish; until then berth deletes no content`;
}

function toJson(report: AdoptionReport, lines: readonly object[]) {
  const { upstream, startedAt, runAt, endedAt, finishedAt, part, blobs, bytes, layers, manifests, tags } = report;
  return {
    upstream,
    startedAt: time(startedAt),
    runAt: time(runAt),
    endedAt: time(endedAt),
    finishedAt: time(finishedAt),
    part,
    blobs,
    bytes,
    layers,
    manifests,
    tags,
    oddities: Object.fromEntries(report.oddities.map(({ kind, count }) => [kind, count])),
    lines,
  };
}
