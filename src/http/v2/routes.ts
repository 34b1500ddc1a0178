import type { Action } from '../../access/permissions/action.ts';
import { getBase } from './base.ts';
import { deleteBlob, getBlob } from './blobs.ts';
import type { Handler } from './request-context.ts';
import { listRepositories, listTags } from './listings.ts';
import { listReferrers } from './referrers.ts';
import { deleteManifest, getManifest, putManifest } from './manifests.ts';
import { deleteUpload, getUpload, patchUpload, postUpload, putUpload } from './uploads.ts';

export interface Route {
  /** The rows of the specification's endpoint table that this route serves. */
  readonly ends: readonly string[];
  /** `GET` serves `HEAD` too. */
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  readonly path: string;
  /** What the client must be allowed to do in the repository; `list`: to list repositories; `any`: to use the registry. */
  readonly access: Action | 'list' | 'any';
  readonly handler: Handler;
  /** True if the handler sends the head of its response as one list. It is faster, and worth it where requests are cheap. */
  readonly sendsHead?: true;
  /** The rate limit that counts its requests, apart from the limit of all requests. */
  readonly limit?: 'pulls' | 'pushes';
  /** Its name in the audit log, for routes that change what can be pulled. */
  readonly audit?: string;
}

/** The endpoints of the protocol (distribution-spec, "Endpoints"). */
export const routes: readonly Route[] = [
  { ends: ['end-1'], method: 'GET', path: '/v2/', access: 'any', handler: getBase },
  { ends: ['end-2'], method: 'GET', path: '/v2/<name>/blobs/<digest>', access: 'pull', handler: getBlob },
  {
    ends: ['end-3'],
    method: 'GET',
    path: '/v2/<name>/manifests/<reference>',
    access: 'pull',
    handler: getManifest,
    limit: 'pulls',
    sendsHead: true,
  },
  {
    ends: ['end-4a', 'end-4b', 'end-11'],
    method: 'POST',
    path: '/v2/<name>/blobs/uploads/',
    access: 'add',
    handler: postUpload,
  },
  { ends: ['end-5'], method: 'PATCH', path: '/v2/<name>/blobs/uploads/<id>', access: 'add', handler: patchUpload },
  { ends: ['end-6'], method: 'PUT', path: '/v2/<name>/blobs/uploads/<id>', access: 'add', handler: putUpload },
  {
    ends: ['end-7a', 'end-7b'],
    method: 'PUT',
    path: '/v2/<name>/manifests/<reference>',
    access: 'add',
    handler: putManifest,
    limit: 'pushes',
    audit: 'manifest.push',
  },
  { ends: ['end-8a', 'end-8b'], method: 'GET', path: '/v2/<name>/tags/list', access: 'pull', handler: listTags },
  {
    ends: ['end-9'],
    method: 'DELETE',
    path: '/v2/<name>/manifests/<reference>',
    access: 'delete',
    handler: deleteManifest,
    audit: 'manifest.delete',
  },
  {
    ends: ['end-10'],
    method: 'DELETE',
    path: '/v2/<name>/blobs/<digest>',
    access: 'delete',
    handler: deleteBlob,
    audit: 'blob.delete',
  },
  { ends: ['end-12a', 'end-12b'], method: 'GET', path: '/v2/<name>/referrers/<digest>', access: 'pull', handler: listReferrers },
  { ends: ['end-13'], method: 'GET', path: '/v2/<name>/blobs/uploads/<id>', access: 'add', handler: getUpload },
  { ends: ['end-14'], method: 'DELETE', path: '/v2/<name>/blobs/uploads/<id>', access: 'add', handler: deleteUpload },
  { ends: ['catalog'], method: 'GET', path: '/v2/_catalog', access: 'list', handler: listRepositories },
];
