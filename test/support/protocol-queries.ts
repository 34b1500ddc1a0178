import type { Query } from '../../storage/metadata/query.ts';
import * as reads from '../../storage/metadata/queries/reads.ts';
import * as writes from '../../storage/metadata/queries/writes.ts';

const content = (digest: string) => ({ digest, sizeBytes: 1 });
const newManifest = {
  repository: 'app1',
  digest: 'd50000',
  mediaType: 'm',
  sizeBytes: 1,
  artifactType: null,
  subject: null,
  annotations: null,
  blobs: [content('d6'), content('d7')],
  children: [content('d8')],
  acceptMissing: false,
  tags: ['t9', 'new'],
  now: 1,
};
const fact = { repository: 'app1', upstream: 'docker.io', tag: 't5', digest: 'd5', mediaType: 'm', sizeBytes: 1, now: 1 };
const holder = { repository: 'app1', upstream: 'docker.io' };

/** Everything that requests of the protocol ask and change, over the rows of `many-rows.ts`. */
export const protocolQueries: Readonly<Record<string, () => Query<unknown>>> = {
  'pull by tag': () => reads.findManifestByTag('app1', 't50000'),
  'pull by digest': () => reads.findManifestByDigest('app1', 'd50000'),
  blob: () => reads.findLink('app1', 'd50000'),
  tags: () => reads.listTags('app1', 't50000', 1000),
  'tags of a small repository': () => reads.listTags('app777', '', 1000),
  catalog: () => reads.listRepositories('app5', 1000),
  referrers: () => reads.listReferrers('app1', 'd1', undefined, 'd5', 100),
  'referrers of a type': () => reads.listReferrers('app1', 'd1', 't1', 'd5', 100),
  repository: () => reads.repositoryExists('app1'),
  'holders of a blob': () => reads.repositoriesLinking('shared', 100),
  upload: () => reads.findUpload('u50000'),
  'old uploads': () => reads.uploadsStartedBefore(90_000, 1000),
  references: () => reads.checkReferences('app1', [content('d5'), content('d6')], [content('d7')]),

  'start an upload': () => writes.createUpload('new', 'app1', 'sha256', 1),
  'cancel an upload': () => writes.deleteUpload('u5'),
  'finish an upload': () => writes.commitBlob('app1', 'new', 1, 'u6', 1),
  mount: () => writes.mountBlob('app1', 'app2', 'd5', 1),
  'push a manifest': () => writes.putManifest({ ...newManifest, digest: 'new' }),
  'push a manifest again': () => writes.putManifest(newManifest),
  'push a manifest, keep tags': () => writes.putManifestKeepingTags(newManifest),
  'delete a tag': () => writes.deleteTag('app1', 't5'),
  'delete a manifest': () => writes.deleteManifest('app1', 'd1'),
  'delete a manifest that is needed': () => writes.deleteManifest('app1', 'shared'),
  'unlink a blob': () => writes.unlinkBlob('app777', 'shared'),
  'unlink a blob that is needed': () => writes.unlinkBlob('app1', 'shared'),
  'take a lease': () => writes.takeLease('l5', 'other', 1_000_000, 2_000_000),
  'take a new lease': () => writes.takeLease('new', 'other', 1_000_000, 2_000_000),
  'release a lease': () => writes.releaseLease('l5', 'h'),
  'forget leases': () => writes.forgetLeases(10),

  'mirrored tag': () => reads.findMirroredTag('app1', 't50000'),
  'pushed repository': () => reads.isPushedRepository('app1'),
  promise: () => reads.findPromise('app1', 'd50000'),
  content: () => reads.findContent('d50000'),
  'least recently used': () => reads.leastRecentlyUsed(100),
  'fill a tag': () => writes.recordMirroredTag(fact),
  'miss a tag': () => writes.recordMissingTag('app1', 't5', 1),
  'drop a tag': () => writes.dropMirroredTag('app1', 't5'),
  'fill a manifest': () => writes.recordMirroredManifest({ ...newManifest, upstream: 'docker.io', promises: [content('d5')] }),
  'fill a blob': () => writes.recordMirroredBlob([holder], 'd5', 1, 1),
  'link a blob': () => writes.linkHeldBlob(holder, 'd5', 1),
  'note uses': () => writes.recordUses(['d5', 'd6'].map((digest) => ({ digest, usedAt: 1 }))),
  'annotations of a repository': () => reads.findAnnotations('app1'),
  'forget content': () => writes.forgetContent('d50001'),
  evict: () => writes.evictContent('d50000'),

  epoch: () => reads.accessEpoch(),
  account: () => reads.findAccount(50_000),
  'account by name': () => reads.findAccountByName('a50000'),
  'grants of an account': () => reads.grantsOfAccount(50_000),
  'grants of everybody': () => reads.grantsOfSubjects(['anonymous', 'authenticated']),
  'access token': () => reads.findAccessTokenByHash('s50000'),
  'use of an access token': () => writes.touchAccessToken('k5', 1),
  visibility: () => reads.findVisibility('app50000'),
  'visibility by pattern': () => reads.listWildcardVisibilities(),
  'public repositories': () => reads.listPublicRepositories('app5', 100),
  'repositories between': () => reads.listRepositoriesBetween('app5', 'app9', 100),
  'repositories by name': () => reads.listRepositoriesNamed(['app5', 'app6', 'new']),
};
