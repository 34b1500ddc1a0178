import { readFile } from 'node:fs/promises';
import { OciError } from '../../oci/errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { CommandError, UsageError } from '../program/command.ts';
import { asksForJson, counted, printRecords, printValue, time } from '../program/output.ts';
import { readRepository } from '../program/read-names.ts';
import { inUnits } from '../program/progress.ts';
import { type ContentInvocation, contentCommand, readEntryId, readReference } from './content-command.ts';
import { type Plan, type PlannedDeletion, parsePlan } from './plan.ts';

const columns = {
  ID: 'id',
  REPOSITORY: 'repository',
  DIGEST: 'digest',
  TAGS: 'tags',
  MANIFESTS: 'manifests',
  DELETED: 'deletedAt',
  PURGED: 'purgeAt',
  BY: 'actor',
  REASON: 'reason',
} as const;

const pageSize = 1000;

/** `berth trash list` */
export const listTrash = contentCommand(async (invocation) => {
  const repository = readRepository(invocation.operands[0]);
  const records = [];
  for (let before = Number.MAX_SAFE_INTEGER; ;) {
    const page = await invocation.trash.list(repository, before, pageSize);
    const last = page.at(-1);
    if (!last) break;
    records.push(
      ...page.map((entry) => ({
        ...entry,
        tags: entry.tags.join(','),
        deletedAt: time(entry.deletedAt),
        purgeAt: time(entry.purgeAt),
        actor: entry.actor || null,
        reason: entry.reason || null,
      })),
    );
    before = last.id;
  }
  printRecords(invocation, columns, records);
});

/** `berth trash restore` */
export const restoreTrash = contentCommand(async (invocation) => {
  const { trash, operands, options, author } = invocation;
  const [name = '', entry = ''] = operands;
  const repository = readRepository(name);
  if (!repository) throw new UsageError('missing the name of a repository');
  const entryId = readEntryId(entry);
  const restored = await trash.restore(repository, entryId, { renames: readRenames(options['rename']), author });
  const { manifests, tags, left } = restored;
  for (const tag of left) invocation.warn(`${tag.name} was not restored: ${tag.digest} is gone`);
  const names = tags.map((tag) => tag.name).join(', ') || 'none';
  printValue(invocation, `${counted(manifests, 'manifest')} restored, with tags: ${names}`, { entry: entryId, ...restored });
});

/** Reads `--rename OLD=NEW,…`. Throws `UsageError`. */
function readRenames(option: unknown): Readonly<Record<string, string>> {
  if (typeof option !== 'string') return {};
  const pairs = option.split(',').map((text) => text.split('='));
  if (pairs.some((pair) => pair.length !== 2 || pair.includes('')))
    throw new UsageError('--rename must be a list such as 1.0=1.0-old');
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** `berth trash empty` */
export const emptyTrash = contentCommand(async (invocation) => {
  const { trash, operands, options, author } = invocation;
  const ids = typeof options['entry'] === 'string' ? options['entry'].split(',').map(readEntryId) : undefined;
  const selection = { repository: readRepository(operands[0]), ids };
  const isPlan = options['dryRun'] === true;
  const { entries, unknown } = isPlan ? await trash.planEmpty(selection) : await trash.empty(selection, author);
  for (const id of unknown) invocation.warn(`entry ${id} is not in the trash: it was restored or purged`);
  const found = entries.map(({ id, repository, digest, manifests }) => ({ id, repository, digest, manifests }));
  if (asksForJson(invocation)) {
    printValue(invocation, '', { deleted: !isPlan, entries: found, unknown });
    return;
  }
  for (const { id, repository, digest } of found) invocation.print(`${id} ${repository}@${digest}`);
  invocation.print(`${counted(found.length, 'entry', 'entries')} ${isPlan ? 'would be deleted' : 'deleted'}`);
});

/** `berth trash put` */
export const putIntoTrash = contentCommand(async (invocation) => {
  const { options } = invocation;
  const planFile = options['plan'];
  if ((typeof planFile === 'string') === invocation.operands.length > 0) throw new UsageError('name references, or --plan FILE');
  const plan =
    typeof planFile === 'string' ? parsePlan(await readPlan(planFile)) : { deletions: await planDeletions(invocation) };
  if (options['dryRun'] === true) {
    printPlan(invocation, plan);
    return;
  }
  const changed: PlannedDeletion[] = [];
  const entries: number[] = [];
  for (const planned of plan.deletions) {
    const entryId = await execute(invocation, planned);
    if (entryId === undefined) changed.push(planned);
    else if (entryId !== null) entries.push(entryId);
  }
  const names = changed.map(({ repository, digest }) => `${repository}@${digest}`);
  printValue(invocation, `${counted(plan.deletions.length - changed.length, 'image')} deleted`, { entries, changed: names });
  if (entries.length > 0) invocation.warn('berth trash list shows what can be restored, and until when');
  if (names.length > 0) throw new CommandError(`not deleted, because they have changed since the plan: ${names.join(', ')}`);
});

async function planDeletions(invocation: ContentInvocation): Promise<readonly PlannedDeletion[]> {
  const planned: PlannedDeletion[] = [];
  for (const text of invocation.operands) {
    const { repository, reference } = readReference(text);
    const { digest, deletion } = await invocation.why.explain(repository, reference);
    const removal = await invocation.deletions.preview(repository, digest);
    planned.push({ repository, digest, ...removal, freedBytes: deletion.freedBytes });
  }
  return planned;
}

/** Returns the entry of the trash, null if there is none, or undefined if the image has changed since the plan. */
async function execute(
  { deletions, author, options }: ContentInvocation,
  planned: PlannedDeletion,
): Promise<number | null | undefined> {
  const { repository, digest, manifests, tags } = planned;
  const reason = typeof options['reason'] === 'string' ? options['reason'] : '';
  try {
    return (await deletions.manifest(repository, digest, { author, reason, expected: { manifests, tags } })).entryId;
  } catch (error) {
    if (error instanceof OciError && (error.status === 409 || error.code === 'MANIFEST_UNKNOWN')) return undefined;
    throw error;
  }
}

async function readPlan(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${(error as Error).message}`);
  }
}

function printPlan(invocation: ContentInvocation, plan: Plan): void {
  if (asksForJson(invocation)) return printValue(invocation, '', plan);
  const shortened = (digests: readonly Digest[]) => (digests.length > 1 ? `, with ${digests.length - 1} other manifests` : '');
  for (const { repository, digest, manifests, tags, freedBytes } of plan.deletions) {
    const names = tags.map(({ name }) => name).join(', ');
    invocation.print(`${repository}@${digest}${shortened(manifests)}; tags: ${names || 'none'}; frees ${inUnits(freedBytes)}`);
  }
}
