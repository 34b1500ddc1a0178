import type { Administration } from '../../../../access/accounts/administration.ts';
import type { Explainer } from '../../../../access/accounts/explain.ts';
import { OciError } from '../../../../oci/errors.ts';
import type { Reference, RepositoryName } from '../../../../oci/reference.ts';
import type { Author } from '../../../../registry/author.ts';
import type { Catalog } from '../../../catalog.ts';
import type { Registry } from '../../../../registry/registry.ts';
import type { ApiServices } from '../../../api/table/route.ts';
import type { Visit } from '../../session/visit.ts';
import { noticeBox } from '../../parts/notice.ts';
import { type Html, html } from '../../shell/html.ts';
import { sendPage } from '../../shell/page.ts';
import { redirect } from '../../shell/redirect.ts';

/** A request for a view of a repository that the visitor may pull. */
export interface RepositoryVisit extends Visit {
  readonly registry: Registry;
  readonly catalog: Catalog;
  /** What the API does, for the views that show or do the same. */
  readonly services: ApiServices;
  readonly repository: RepositoryName;
  readonly author: Author;
  readonly may: { readonly push: boolean; readonly delete: boolean; readonly admin: boolean };
  /** Accounts and permissions; undefined in mode open. */
  readonly accounts: RepositoryAccounts | undefined;
  /** Host and port of this server as clients write them. */
  readonly host: string;
}

/** What an admin of a repository reads and changes beside its content. */
export interface RepositoryAccounts {
  readonly explainer: Explainer;
  /** Records the visitor in the audit log as the actor of each change. */
  readonly administration: Administration;
  /** Applies changes of permissions at once in this process. */
  readonly changed: () => void;
}

/** Shows or changes something of a repository. Rejects `OciError`. */
export type RepositoryAction = (visit: RepositoryVisit) => Promise<void>;

/** A request for a view of one image. */
export interface ImageVisit extends RepositoryVisit {
  readonly reference: Reference;
}

/** Shows or changes something of an image. Rejects `OciError` and `ImageError`. */
export type ImageAction = (visit: ImageVisit) => Promise<void>;

/** A form, and the permission that it needs in the repository. */
export interface FormAction<Action> {
  readonly needs: 'pull' | 'push' | 'delete' | 'admin';
  readonly action: Action;
}

/** The views and forms of an image, by what follows `/-/` in their path. */
export interface ImageActions {
  readonly views: Readonly<Record<string, ImageAction>>;
  readonly forms: Readonly<Record<string, FormAction<ImageAction>>>;
}

/** The views of a repository, in the order of their links, with what follows `/ui/r/NAME`. */
export const repositoryViews = {
  tags: '',
  history: '/-/history',
  trash: '/-/trash',
  access: '/-/access',
  settings: '/-/settings',
} as const;

export type RepositoryView = keyof typeof repositoryViews;

const repositoryViewNames = ['tags', 'history', 'trash', 'access', 'settings'] as const;

export function sendRepositoryView(visit: RepositoryVisit, view: RepositoryView, content: Html, status = 200): void {
  const { response, repository, visitor } = visit;
  const page = html`${links(visit, view)} ${noticeOf(visit)} ${content}`;
  sendPage(response, status, { title: repository, user: visitor.name, current: 'repositories', content: page });
}

function links({ repository, may, texts }: RepositoryVisit, current: RepositoryView): Html {
  const shown = repositoryViewNames.filter((view) => isShown(view, may));
  return html`<nav class="tabs" aria-label="${texts.repository.views}">
    ${shown.map(
      (view) =>
        html`<a href="/ui/r/${repository}${repositoryViews[view]}" ${view === current ? html`aria-current="page"` : undefined}>
          ${texts.repository[view]}
        </a>`,
    )}
    ${may.push ? html`<a class="button" href="/ui/upload?repository=${repository}">${texts.upload.upload}</a>` : undefined}
  </nav>`;
}

/** True if the visitor may see the view. */
export function isShown(view: RepositoryView, may: RepositoryVisit['may']): boolean {
  if (view === 'trash') return may.delete;
  return (view !== 'access' && view !== 'settings') || may.admin;
}

/** Shows the notice that the last form has left, once. */
export function noticeOf(visit: RepositoryVisit): Html | undefined {
  const notice = visit.takeNotice();
  const undo = notice?.undo ?? [];
  if (undo.length === 0) return noticeBox(notice);
  const button = html`<form method="post" action="/ui/r/${visit.repository}/-/trash/restore">
    ${undo.map((id) => html`<input type="hidden" name="entry" value="${id}" />`)}
    <button>${visit.texts.notice.undo}</button>
  </form>`;
  return noticeBox(notice, button);
}

/** Returns the message of a refusal, for the view to show. Throws every other error again. */
export function refusalOf(error: unknown): string {
  if (error instanceof OciError && error.status < 500) return error.message;
  throw error;
}

/** Leads the browser to a view of the repository; there a reload does not send the form again. */
export function goTo({ response, repository }: RepositoryVisit, view: RepositoryView, query = ''): void {
  redirect(response, `/ui/r/${repository}${repositoryViews[view]}${query}`);
}
