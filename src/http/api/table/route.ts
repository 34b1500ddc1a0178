import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Administration } from '../../../access/accounts/administration.ts';
import type { Directory } from '../../../access/accounts/directory.ts';
import type { Explainer } from '../../../access/accounts/explain.ts';
import type { Action } from '../../../access/permissions/action.ts';
import type { RepositoryName } from '../../../oci/reference.ts';
import type { Author } from '../../../registry/author.ts';
import type { DeletionServices } from '../../../registry/deletion-services.ts';
import type { Pattern } from '../../../oci/patterns/repository-pattern.ts';
import type { Principal } from '../../../access/permissions/principal.ts';
import type { SigningKeys } from '../../../access/tokens/signing-keys.ts';
import type { ArchiveImports } from '../../../archives/in/imports.ts';
import type { ArchiveExports } from '../../../archives/out/exports.ts';
import type { ImageFetches } from '../../../mirror/images/image-fetches.ts';
import type { Images } from '../../../images/images.ts';
import type { Pulls } from '../../../registry/pulls.ts';
import type { Adoption } from '../../../maintenance/adopt/report.ts';
import type { Backups } from '../../../maintenance/backup/backups.ts';
import type { MaintenanceMode } from '../../../maintenance/mode/maintenance-mode.ts';
import type { CollectionOverview } from '../../../maintenance/collect/overview.ts';
import type { JobsOverview } from '../../../progress/jobs-overview.ts';
import type { QuotaOverview } from '../../../maintenance/quotas/overview.ts';
import type { RetentionOverview } from '../../../maintenance/retention/overview.ts';
import type { TagRules } from '../../../maintenance/retention/tag-rules.ts';
import type { VerificationOverview } from '../../../maintenance/verify/overview.ts';
import type { SyncOverview } from '../../../maintenance/sync/overview.ts';
import type { ClientChecks } from '../../../mirror/check/client-checks.ts';
import type { UpstreamChecks } from '../../../mirror/check/upstream-checks.ts';
import type { MirrorOverview } from '../../../mirror/traffic/mirror-overview.ts';
import type { UsageOverview } from '../../../maintenance/usage/usage-overview.ts';
import type { WebhookOverview } from '../../../webhooks/overview.ts';

import type { Catalog } from '../../catalog.ts';
import type { OperationReport } from '../../overviews/operation-report.ts';
import type { StorageView } from '../../overviews/storage-view.ts';

/** What the API does apart from accounts and permissions. */
export interface ApiServices {
  /** Deletion and restoration of content. */
  readonly content: DeletionServices;
  readonly retention: RetentionOverview;
  /** Returns the configured rules about tags of a repository. */
  readonly tagRules: (repository: RepositoryName) => TagRules;
  /** Returns the service for what is inside of images. */
  readonly images: () => Promise<Images>;
  readonly exports: ArchiveExports;
  readonly imports: ArchiveImports;
  /** Fetches images of upstreams on request. */
  readonly fetches: ImageFetches;
  /** Records that the client has pulled an image. */
  readonly pulls: Pick<Pulls, 'add'>;
  readonly backups: Pick<Backups, 'list' | 'begin'>;
  /** Garbage collection. */
  readonly collection: CollectionOverview;
  readonly verification: VerificationOverview;
  readonly adoption: Adoption;
  readonly sync: SyncOverview;
  readonly quotas: QuotaOverview;
  /** Whether clients may change content. */
  readonly mode: MaintenanceMode;
  readonly operation: OperationReport;
  readonly usage: UsageOverview;
  readonly jobs: JobsOverview;
  /** Returns the service for messages to other servers. */
  readonly webhooks: () => Promise<WebhookOverview>;
  readonly mirror: MirrorOverview;
  /** One-time images; undefined if page.check is off. */
  readonly checks: ClientChecks | undefined;
  readonly upstreamChecks: UpstreamChecks;
}

/** What a handler works with, for one request. */
export interface Context extends ApiServices {
  readonly principal: Principal;
  /** Network address of the client. */
  readonly address: string;
  /** The client, for the events of changes of content. */
  readonly author: Author;
  /** True if the client may do this in the repository. */
  allows(action: Action, repository: RepositoryName): Promise<boolean>;
  /** For rows whose body or response is a file. */
  readonly exchange: { readonly request: IncomingMessage; readonly response: ServerResponse };
  /** Repositories, tags and images. */
  readonly catalog: Omit<Catalog, 'manifestBytes'>;
  readonly storage: Pick<StorageView, 'summary' | 'tree' | 'trash'>;
}

/** What the handlers of accounts and permissions work with: there are none in mode open. */
export interface AccountContext extends Context {
  /** Records the client in the audit log as the actor of each change. */
  readonly administration: Administration;
  readonly directory: Directory;
  readonly explainer: Explainer;
  readonly signingKeys: Pick<SigningKeys, 'rotate'>;
}

/** The parts of a request, as the schemas of its row return them. */
export interface Input<Params = unknown, Query = unknown, Body = unknown> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

/**
 * What the client needs:
 *
 * - `nothing`: no login; the `Authorization` header is ignored.
 * - `account`: a login of a user or robot, also by an access token.
 * - `password`: a login of a user by its password or session: an access token could outlive its revocation by a new one.
 * - `admin`: a login of an admin, not by an access token.
 * - `adminOf`: the same, or the action `admin` for the pattern that the request is about. It returns undefined where the
 *   request is about no pattern: then only an admin may make it.
 * - `action`: a login with the right to do this in a repository, also by an access token. A client that may not pull from it gets
 *   404, as for a repository that does not exist.
 *
 * In mode open, which has no logins, `open-permissions.ts` decides.
 */
export type Needs<Given = Input> =
  | 'nothing'
  | 'account'
  | 'password'
  | 'admin'
  | { adminOf(input: Given, context: Context): Promise<Pattern | undefined> | Pattern | undefined }
  | { readonly action: Action; repositoryOf(input: Given): RepositoryName };

/** A successful response; `body` is undefined where it has none. */
export interface Returns<Result> {
  readonly status: 200 | 201 | 204;
  readonly body: z.ZodType | undefined;
  /** Media type of a file, which the handler sends itself. */
  readonly file?: string;
  /** Only a type: what the handler resolves to. */
  readonly result?: (result: Result) => void;
}

/** A row of the API's table. */
export interface Route {
  /** `GET` serves `HEAD` too. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api/v1`; parameters are written `{name}`. */
  readonly path: string;
  /** One line for the OpenAPI document. */
  readonly summary: string;
  readonly needs: Needs;
  /** True if the row adds, moves or deletes content: it is refused in maintenance mode. */
  readonly changesContent: boolean;
  /** Undefined where the path has no parameters. */
  readonly params: z.ZodObject | undefined;
  /** Undefined where the query is ignored. */
  readonly query: z.ZodObject | undefined;
  /** Undefined where the body is ignored. */
  readonly body: z.ZodObject | undefined;
  /** Media types of a body that is no JSON, which the handler reads itself. */
  readonly accepts: readonly string[] | undefined;
  readonly returns: Returns<unknown>;
  handler(input: Input, context: Context): Promise<unknown>;
}

type ReadonlyDeep<Value> = Value extends readonly (infer Item)[]
  ? readonly ReadonlyDeep<Item>[]
  : Value extends object
    ? { readonly [Key in keyof Value]: ReadonlyDeep<Value[Key]> }
    : Value;

export function ok<Body extends z.ZodType>(body: Body): Returns<ReadonlyDeep<z.output<Body>>> {
  return { status: 200, body };
}

export function created<Body extends z.ZodType>(body: Body): Returns<ReadonlyDeep<z.output<Body>>> {
  return { status: 201, body };
}

/** The response is a file, which the handler sends itself. */
export function file(mediaType: string): Returns<void> {
  return { status: 200, body: undefined, file: mediaType };
}

export const noContent: Returns<void> = { status: 204, body: undefined };

interface Row<Given, Result> {
  readonly method: Route['method'];
  readonly path: string;
  readonly summary: string;
  readonly needs: Needs<Given>;
  readonly returns: Returns<Result>;
  handler(input: Given, context: Context): Promise<Result>;
}

/** Makes a row: its handler takes what its schemas return, and resolves to what `returns` describes. */
export function route<
  Result,
  Params extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodObject = z.ZodObject,
>(
  row: Row<Input<z.output<Params>, z.output<Query>, z.output<Body>>, Result> & {
    readonly params?: Params;
    readonly query?: Query;
    readonly body?: Body;
    readonly accepts?: readonly string[];
    readonly changesContent?: true;
  },
): Route {
  // The dispatcher passes only what the row's own schemas returned: see `checkedInput`.
  const usual = { changesContent: false, params: undefined, query: undefined, body: undefined, accepts: undefined };
  return { ...usual, ...row } as unknown as Route;
}
