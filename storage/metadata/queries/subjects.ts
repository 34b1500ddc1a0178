import { type Operation, type OperationKind, type Query } from './steps/query.ts';
import * as accounts from './accounts.ts';
import * as adoption from './adoption/runs.ts';
import * as adoptionBlobs from './adoption/blobs.ts';
import * as adoptionLinks from './adoption/links.ts';
import * as adoptionOddities from './adoption/oddities.ts';
import * as archives from './archives/archives.ts';
import * as audit from './audit.ts';
import * as backups from './backups.ts';
import * as blobs from './blobs.ts';
import * as catalogEntries from './catalog/entries.ts';
import * as catalogImages from './catalog/images.ts';
import * as catalogSearch from './catalog/search.ts';
import * as catalogTags from './catalog/tags.ts';
import * as claims from './collection/claims.ts';
import * as collection from './collection/collect.ts';
import * as collectionAudit from './collection/audit.ts';
import * as collectionEstimate from './collection/estimate.ts';
import * as collectionState from './collection/state.ts';
import * as untagged from './collection/untagged.ts';
import * as deletions from './trash/deletions.ts';
import * as distribution from './distribution.ts';
import * as events from './events.ts';
import * as grants from './grants.ts';
import * as holds from './trash/holds.ts';
import * as keepers from './trash/keepers.ts';
import * as leases from './leases.ts';
import * as maintenanceMode from './operation/maintenance-mode.ts';
import * as manifestBatches from './manifest-batches.ts';
import * as manifests from './manifests.ts';
import * as clientChecks from './mirror/checks.ts';
import * as cachedContent from './mirror/cached.ts';
import * as mirrorTraffic from './mirror/traffic.ts';
import * as mirroredContent from './mirror/content.ts';
import * as mirroredListings from './mirror/listings.ts';
import * as mirrorPins from './mirror/pins.ts';
import * as mirroredRepositories from './mirror/repositories.ts';
import * as mirrorSpace from './mirror/space.ts';
import * as mirroredTags from './mirror/tags.ts';
import * as namespaces from './namespaces.ts';
import * as pulls from './pulls.ts';
import * as quotaCounting from './quotas/counting.ts';
import * as quotaMembers from './quotas/members.ts';
import * as quotaReservations from './quotas/reservations.ts';
import * as quotaRules from './quotas/rules.ts';
import * as quotaStatus from './quotas/status.ts';
import * as jobRuns from './operation/job-runs.ts';
import * as jobs from './operation/jobs.ts';
import * as rateWindows from './operation/rate-windows.ts';
import * as repositories from './repositories.ts';
import * as restorations from './trash/restorations.ts';
import * as reviews from './collection/reviews.ts';
import * as repositoryTexts from './catalog/texts.ts';
import * as retentionContent from './retention/content.ts';
import * as retentionExpiry from './retention/expiry.ts';
import * as retentionLog from './retention/log.ts';
import * as retentionPlans from './retention/plans.ts';
import * as retentionSchedule from './retention/schedule.ts';
import * as signingKeys from './signing-keys.ts';
import * as stars from './catalog/stars.ts';
import * as syncEntries from './sync/entries.ts';
import * as syncTags from './sync/tags.ts';
import * as syncUploads from './sync/uploads.ts';
import * as tagHistory from './trash/tag-history.ts';
import * as tags from './tags.ts';
import * as teams from './teams.ts';
import * as tokens from './tokens.ts';
import * as trash from './trash/entries.ts';
import * as trashYields from './quotas/yields.ts';
import * as uploads from './uploads.ts';
import * as usageCounting from './usage/counting.ts';
import * as usageSizes from './usage/sizes.ts';
import * as affectedImages from './verification/affected.ts';
import * as contentChecks from './verification/checks.ts';
import * as corruptContent from './verification/corrupt.ts';
import * as signatures from './verification/signatures.ts';
import * as verifications from './verification/requests.ts';
import * as visibilities from './visibilities.ts';
import * as webhookDeliveries from './webhooks/deliveries.ts';
import * as webhookQueues from './webhooks/queues.ts';
import * as webhookTargets from './webhooks/targets.ts';

/** The modules whose operations a metadata store offers, by subject. */
export const subjects = {
  accounts,
  adoption,
  adoptionBlobs,
  adoptionLinks,
  adoptionOddities,
  archives,
  affectedImages,
  audit,
  backups,
  blobs,
  catalogEntries,
  catalogImages,
  catalogSearch,
  catalogTags,
  claims,
  collection,
  collectionAudit,
  collectionEstimate,
  collectionState,
  contentChecks,
  corruptContent,
  deletions,
  distribution,
  events,
  grants,
  holds,
  keepers,
  leases,
  maintenanceMode,
  manifestBatches,
  manifests,
  mirroredContent,
  mirroredListings,
  mirroredRepositories,
  mirroredTags,
  mirrorPins,
  mirrorSpace,
  mirrorTraffic,
  cachedContent,
  clientChecks,
  namespaces,
  pulls,
  quotaCounting,
  quotaMembers,
  quotaReservations,
  quotaRules,
  quotaStatus,
  jobRuns,
  jobs,
  rateWindows,
  repositories,
  repositoryTexts,
  restorations,
  retentionContent,
  retentionExpiry,
  retentionLog,
  retentionPlans,
  retentionSchedule,
  reviews,
  signatures,
  signingKeys,
  stars,
  syncEntries,
  syncTags,
  syncUploads,
  tagHistory,
  tags,
  teams,
  tokens,
  trash,
  untagged,
  trashYields,
  uploads,
  usageCounting,
  usageSizes,
  verifications,
  visibilities,
  webhookDeliveries,
  webhookQueues,
  webhookTargets,
};

/** The operations that a module declares, seen from outside: each runs and resolves to its result. */
type Operations<Module> = {
  readonly [Name in keyof Module as Module[Name] extends { readonly kind: OperationKind } ? Name : never]: Module[Name] extends (
    ...args: infer Args
  ) => Query<infer Result>
    ? (...args: Args) => Promise<Result>
    : never;
};

/** Every operation of a metadata store, as `subject.operation`. */
export type Subjects = { readonly [Subject in keyof typeof subjects]: Operations<(typeof subjects)[Subject]> };

type Call = (...args: never[]) => Promise<unknown>;

/** Returns every operation as `implement` makes it callable. `id` finds the operation again in another thread. */
export function implementSubjects(implement: (operation: Operation, id: string) => Call): Subjects {
  const implemented = Object.entries(subjects).map(([subject, module]) => [
    subject,
    Object.fromEntries(operationsOf(module).map(([name, operation]) => [name, implement(operation, `${subject}.${name}`)])),
  ]);
  // `fromEntries` forgets the names; they are those of the type.
  return Object.fromEntries(implemented) as Subjects;
}

const operations: ReadonlyMap<string, Operation> = new Map(
  Object.entries(subjects).flatMap(([subject, module]) =>
    operationsOf(module).map(([name, operation]) => [`${subject}.${name}`, operation] as const),
  ),
);

/** Returns the operation with the id that `implementSubjects` gave. Throws where there is none. */
export function findOperation(id: string): Operation {
  const operation = operations.get(id);
  if (!operation) throw new Error(`the metadata store has no operation ${id}`);
  return operation;
}

function operationsOf(module: object): readonly (readonly [string, Operation])[] {
  return Object.entries(module).filter((entry): entry is [string, Operation] => isOperation(entry[1]));
}

function isOperation(value: unknown): value is Operation {
  return typeof value === 'function' && 'kind' in value;
}
