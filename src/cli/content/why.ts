import type { Explanation } from '../../registry/why.ts';
import { asksForJson, printValue, time } from '../program/output.ts';
import { inUnits } from '../program/progress.ts';
import { contentCommand, readReference } from './content-command.ts';

/** `berth why` */
export const explainContent = contentCommand(async (invocation) => {
  const { repository, reference } = readReference(invocation.operands[0] ?? '');
  const explanation = await invocation.why.explain(repository, reference);
  if (asksForJson(invocation)) {
    printValue(invocation, '', { repository, ...explanation });
    return;
  }
  invocation.print(`${repository}@${explanation.digest}`);
  for (const line of linesOf(explanation)) invocation.print(`  ${line}`);
});

function linesOf({ keepers, trashed, deletion, sharedWith }: Explanation): readonly string[] {
  if (trashed) return [`in the trash: entry ${trashed.id}, deleted ${time(trashed.deletedAt)}, purged ${time(trashed.purgeAt)}`];
  const kept = keepers ? keeperLines(keepers) : [];
  const { refusal, manifests, freedBytes, sharedBytes } = deletion;
  const others = manifests.length > 1 ? `, with ${manifests.length - 1} other manifests` : '';
  return [
    ...(kept.length > 0 ? kept : ['kept: manifests without a tag are kept']),
    refusal === undefined ? `deleting it frees ${inUnits(freedBytes)}${others}` : `cannot be deleted: ${refusal}`,
    ...(sharedBytes > 0 ? [`shares ${inUnits(sharedBytes)} with other images`] : []),
    ...sharedWith.map(({ repository, bytes }) => `shares ${inUnits(bytes)} with ${repository}`),
  ];
}

function keeperLines({ tags, parents, hold, subject, isSubjectHere }: NonNullable<Explanation['keepers']>): readonly string[] {
  return [
    ...tags.map((tag) => `kept by tag ${tag}`),
    ...parents.map((parent) => `kept by index ${parent}`),
    ...(hold ? [`kept by a hold${hold.until === null ? '' : ` until ${time(hold.until)}`}: ${hold.reason}`] : []),
    ...(subject === null
      ? []
      : [isSubjectHere ? `kept by its subject ${subject}` : `kept: its subject ${subject} was never here`]),
  ];
}
