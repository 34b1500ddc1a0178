import { z } from 'zod';
import { type Digest, parseDigest } from '../../../oci/digest.ts';
import { type RepositoryName, parseReference, parseRepositoryName, parseTag } from '../../../oci/reference.ts';
import { expiry, limit, optional } from '../table/schemas.ts';

/** The JSON of requests and responses about deletion and restoration. */

/** A text that `parse` accepts; the schema returns what it makes of it. */
export function parsed<Value>(parse: (text: string) => Value | undefined, message: string) {
  return z.string().transform((text, { issues }) => {
    const value = parse(text);
    if (value === undefined) issues.push({ code: 'custom', message, input: text });
    return value as Value;
  });
}

export const repository = parsed<RepositoryName>(parseRepositoryName, 'must be the name of a repository');
export const reference = parsed(parseReference, 'must be a tag or a digest').meta({ description: 'a tag or a digest' });
const tag = parsed(parseTag, 'must be a tag');
const digest = parsed<Digest>(parseDigest, 'must be a digest').meta({ description: 'sha256:… or sha512:…' });
const reason = z.string().max(1000);
const entryId = z.int().min(0);
const before = z.coerce.number<string>().int().min(0).optional();

// Requests.

export const inRepository = z.object({ repository });
export const pageBefore = z.object({ after: before, limit });
export const trashPage = pageBefore.extend({ repository });
export const byEntry = z.object({ id: z.coerce.number<string>().int().min(0) });
export const newRestoration = z.strictObject({
  repository,
  renames: optional(z.record(z.string(), z.string())).meta({ description: 'other names for tags of the entry' }),
});
export const emptying = z.strictObject({
  repository,
  entries: optional(z.array(entryId)).meta({ description: 'missing: all of the repository' }),
  dryRun: optional(z.boolean()),
});
const removal = z.object({ manifests: z.array(digest), tags: z.array(z.object({ name: tag, digest })) });
export const newDeletion = z.strictObject({
  repository,
  reference,
  reason: optional(reason),
  dryRun: optional(z.boolean()),
  expected: optional(removal).meta({ description: 'the answer of a dry run: delete only if exactly this goes' }),
});
export const imageQuery = z.object({ repository, reference });
export const newHold = z.strictObject({ repository, reference, reason, until: optional(expiry) });
export const tagHistoryPage = z.object({ repository, tag, after: before, limit });
export const newTagRestoration = z.strictObject({
  repository,
  tag,
  digest: optional(digest).meta({ description: 'missing: the manifest before the last move' }),
});

// Responses.

const dateTime = z.string().meta({ format: 'date-time' });
const texts = z.array(z.string());
const tagRecords = z.array(z.object({ name: z.string(), digest: z.string() }));

export const trashEntry = z
  .object({
    id: z.number(),
    repository: z.string(),
    digest: z.string(),
    tags: texts.meta({ description: 'the first 20' }),
    manifests: z.number().meta({ description: 'how many were deleted together' }),
    deletedAt: dateTime,
    purgeAt: dateTime,
    actor: z.string(),
    reason: z.string(),
    cause: z.string(),
  })
  .meta({ id: 'TrashEntry' });
export const restoredEntry = z
  .object({ manifests: z.number(), tags: tagRecords, left: tagRecords })
  .meta({ id: 'RestoredEntry' });
export const emptied = z
  .object({
    deleted: z.boolean(),
    entries: z.array(z.object({ id: z.number(), digest: z.string(), manifests: z.number() })),
    unknown: z.array(z.number()),
  })
  .meta({ id: 'EmptiedTrash' });
export const deletion = z
  .object({ entry: z.number().nullable(), manifests: texts, tags: tagRecords })
  .meta({ id: 'Deletion', description: 'entry: null for a dry run, and where nothing can be restored' });
export const hold = z
  .object({
    repository: z.string(),
    digest: z.string(),
    reason: z.string(),
    actor: z.string(),
    createdAt: dateTime,
    until: dateTime.nullable(),
  })
  .meta({ id: 'Hold' });
export const holds = z.object({ items: z.array(hold) });
export const heldDigest = z.object({ digest: z.string() });
export const tagMove = z
  .object({
    at: dateTime,
    from: z.string().nullable(),
    to: z.string().nullable(),
    actor: z.string(),
    reason: z.string(),
  })
  .meta({ id: 'TagMove' });
export const restoredTag = z.object({ digest: z.string(), entry: z.number().nullable() }).meta({ id: 'RestoredTag' });
export const explanation = z
  .object({
    digest: z.string(),
    kept: z
      .object({
        tags: texts,
        parents: texts,
        hold: z.string().nullable().meta({ description: 'its reason' }),
        subject: z.string().nullable(),
      })
      .nullable(),
    entry: z.number().nullable().meta({ description: 'of the trash' }),
    deletion: z.object({
      refusal: z.string().nullable(),
      manifests: texts,
      freedBytes: z.number(),
      sharedBytes: z.number(),
    }),
    sharedWith: z.array(z.object({ repository: z.string(), bytes: z.number() })),
  })
  .meta({ id: 'Explanation' });
