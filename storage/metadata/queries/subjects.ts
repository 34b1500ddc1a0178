import { type Operation, type OperationKind, type Query } from './steps/query.ts';

/** The modules whose operations a metadata store offers, by subject. */
const subjects = {
  accounts: () => import('./accounts.ts'),
  adoption: () => import('./adoption/runs.ts'),
  adoptionBlobs: () => import('./adoption/blobs.ts'),
  adoptionLinks: () => import('./adoption/links.ts'),
  adoptionOddities: () => import('./adoption/oddities.ts'),
  archives: () => import('./archives/archives.ts'),
  affectedImages: () => import('./verification/affected.ts'),
  audit: () => import('./audit.ts'),
  backups: () => import('./backups.ts'),
  blobs: () => import('./blobs.ts'),
  catalogCandidates: () => import('./catalog/candidates.ts'),
  catalogEntries: () => import('./catalog/entries.ts'),
  catalogImages: () => import('./catalog/images.ts'),
  catalogSearch: () => import('./catalog/search.ts'),
  catalogTags: () => import('./catalog/tags.ts'),
  claims: () => import('./collection/claims.ts'),
  collection: () => import('./collection/collect.ts'),
  collectionAudit: () => import('./collection/audit.ts'),
  collectionEstimate: () => import('./collection/estimate.ts'),
  collectionState: () => import('./collection/state.ts'),
  contentChecks: () => import('./verification/checks.ts'),
  corruptContent: () => import('./verification/corrupt.ts'),
  deletions: () => import('./trash/deletions.ts'),
  distribution: () => import('./distribution.ts'),
  events: () => import('./events.ts'),
  grants: () => import('./grants.ts'),
  holds: () => import('./trash/holds.ts'),
  keepers: () => import('./trash/keepers.ts'),
  layerSharers: () => import('./catalog/sharers.ts'),
  leases: () => import('./leases.ts'),
  maintenanceMode: () => import('./operation/maintenance-mode.ts'),
  manifestBatches: () => import('./manifest-batches.ts'),
  manifests: () => import('./manifests.ts'),
  mirroredContent: () => import('./mirror/content.ts'),
  mirroredListings: () => import('./mirror/listings.ts'),
  mirroredRepositories: () => import('./mirror/repositories.ts'),
  mirroredTags: () => import('./mirror/tags.ts'),
  mirrorPins: () => import('./mirror/pins.ts'),
  mirrorSpace: () => import('./mirror/space.ts'),
  mirrorTraffic: () => import('./mirror/traffic.ts'),
  cachedContent: () => import('./mirror/cached.ts'),
  clientChecks: () => import('./mirror/checks.ts'),
  namespaces: () => import('./namespaces.ts'),
  pulls: () => import('./pulls.ts'),
  quotaCounting: () => import('./quotas/counting.ts'),
  quotaMembers: () => import('./quotas/members.ts'),
  quotaReservations: () => import('./quotas/reservations.ts'),
  quotaRules: () => import('./quotas/rules.ts'),
  quotaStatus: () => import('./quotas/status.ts'),
  jobRuns: () => import('./operation/job-runs.ts'),
  jobs: () => import('./operation/jobs.ts'),
  rateWindows: () => import('./operation/rate-windows.ts'),
  repositories: () => import('./repositories.ts'),
  repositoryTexts: () => import('./catalog/texts.ts'),
  restorations: () => import('./trash/restorations.ts'),
  retentionContent: () => import('./retention/content.ts'),
  retentionExpiry: () => import('./retention/expiry.ts'),
  retentionLog: () => import('./retention/log.ts'),
  retentionPlans: () => import('./retention/plans.ts'),
  retentionSchedule: () => import('./retention/schedule.ts'),
  reviews: () => import('./collection/reviews.ts'),
  signatures: () => import('./verification/signatures.ts'),
  signingKeys: () => import('./signing-keys.ts'),
  stars: () => import('./catalog/stars.ts'),
  syncEntries: () => import('./sync/entries.ts'),
  syncTags: () => import('./sync/tags.ts'),
  syncUploads: () => import('./sync/uploads.ts'),
  tagHistory: () => import('./trash/tag-history.ts'),
  tags: () => import('./tags.ts'),
  teams: () => import('./teams.ts'),
  tokens: () => import('./tokens.ts'),
  trash: () => import('./trash/entries.ts'),
  untagged: () => import('./collection/untagged.ts'),
  trashYields: () => import('./quotas/yields.ts'),
  uploads: () => import('./uploads.ts'),
  usageCounting: () => import('./usage/counting.ts'),
  usageSizes: () => import('./usage/sizes.ts'),
  verifications: () => import('./verification/requests.ts'),
  visibilities: () => import('./visibilities.ts'),
  webhookDeliveries: () => import('./webhooks/deliveries.ts'),
  webhookQueues: () => import('./webhooks/queues.ts'),
  webhookTargets: () => import('./webhooks/targets.ts'),
};

type Modules = { readonly [Subject in keyof typeof subjects]: Awaited<ReturnType<(typeof subjects)[Subject]>> };

/** The operations that a module declares, seen from outside: each runs and resolves to its result. */
type Operations<Module> = {
  readonly [Name in keyof Module as Module[Name] extends { readonly kind: OperationKind } ? Name : never]: Module[Name] extends (
    ...args: infer Args
  ) => Query<infer Result>
    ? (...args: Args) => Promise<Result>
    : never;
};

/** Every operation of a metadata store, as `subject.operation`. */
export type Subjects = { readonly [Subject in keyof Modules]: Operations<Modules[Subject]> };

type Call = (...args: never[]) => Promise<unknown>;

/** Loads the modules of all subjects. */
export async function loadSubjects(): Promise<Modules> {
  const modules = Object.entries(subjects).map(async ([subject, load]) => [subject, await load()] as const);
  // `fromEntries` forgets the names; they are those of the type.
  return Object.fromEntries(await Promise.all(modules)) as Modules;
}

/** Returns every operation as `implement` makes it callable. `id` finds the operation again in another thread. */
export function implementSubjects(modules: Modules, implement: (operation: Operation, id: string) => Call): Subjects {
  const implemented = Object.entries(modules).map(([subject, module]) => [
    subject,
    Object.fromEntries(operationsOf(module).map(([name, operation]) => [name, implement(operation, `${subject}.${name}`)])),
  ]);
  return Object.fromEntries(implemented) as Subjects;
}

const found = new Map<string, Operation>();

/**
 * Resolves to the operation with the id that `implementSubjects` gave. Loads only the module of its subject: a thread that runs
 * few operations takes less memory. Rejects if there is none.
 */
export async function findOperation(id: string): Promise<Operation> {
  const known = found.get(id);
  if (known) return known;
  const [subject, name] = id.split('.');
  const load = Object.entries(subjects).find(([key]) => key === subject)?.[1];
  const operation = load && operationsOf(await load()).find(([key]) => key === name)?.[1];
  if (!operation) throw new Error(`the metadata store has no operation ${id}`);
  found.set(id, operation);
  return operation;
}

function operationsOf(module: object): readonly (readonly [string, Operation])[] {
  return Object.entries(module).filter((entry): entry is [string, Operation] => isOperation(entry[1]));
}

function isOperation(value: unknown): value is Operation {
  return typeof value === 'function' && 'kind' in value;
}
