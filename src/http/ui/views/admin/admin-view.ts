import type { Administration } from '../../../../access/accounts/administration.ts';
import type { Directory } from '../../../../access/accounts/directory.ts';
import type { Explainer } from '../../../../access/accounts/explain.ts';
import type { OperationReport } from '../../../overviews/operation-report.ts';
import { type FormState, emptyForm } from '../../parts/fields.ts';
import { noticeBox } from '../../parts/notice.ts';
import { type FieldNames, rejectionOf } from '../../session/rejections.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Notice } from '../../shell/notice.ts';
import { sendPage } from '../../shell/page.ts';
import type { Visit } from '../../session/visit.ts';
import { redirect } from '../../shell/redirect.ts';
import type { Texts } from '../../texts/english/texts.ts';

/** A request of an admin for a view of accounts, permissions or the installation. */
export interface AdminVisit extends Visit {
  readonly directory: Directory;
  readonly explainer: Explainer;
  readonly operation: OperationReport;
  /** Records the visitor in the audit log as the actor of each change. */
  readonly administration: Administration;
  /** Host and port of this server as clients write them. */
  readonly host: string;
  /** Applies changes of permissions at once in this process. */
  changed(): void;
}

/** The views of admins, in the order of their links. */
export const adminViews = ['users', 'teams', 'robots', 'grants', 'explain', 'audit', 'schedule', 'health'] as const;

export type AdminViewName = (typeof adminViews)[number];

/** Rows of a listing on one page. */
export const pageSize = 50;

/** Returns the path of a view, or of one account or team in it. */
export function pathTo(view: AdminViewName, name?: string): string {
  return name === undefined ? `/ui/admin/${view}` : `/ui/admin/${view}/${encodeURIComponent(name)}`;
}

/** Sends a view with the links to the others. `heading`: what is shown of the view; default: its name. */
export function sendAdminView(
  visit: AdminVisit,
  view: AdminViewName,
  content: Html,
  { state = emptyForm, heading }: { readonly state?: FormState | undefined; readonly heading?: string } = {},
): void {
  const { response, visitor, texts } = visit;
  const page = adminTabs(texts, adminViews, view, html`${noticeBox(visit.takeNotice())} ${content}`);
  const title = heading ?? texts.admin.views[view];
  sendPage(response, state.message === undefined ? 200 : 400, { title, user: visitor.name, current: 'admin', content: page });
}

/** Shows the links to the views above the content of one, with the link to the jobs that people have begun. */
export function adminTabs({ admin, jobs }: Texts, views: readonly AdminViewName[], current: AdminViewName, content: Html): Html {
  const links = views.map(
    (name) =>
      html`<a href="${pathTo(name)}" ${name === current ? html`aria-current="page"` : undefined}>${admin.views[name]}</a>`,
  );
  return html`<nav class="tabs" aria-label="${admin.title}">${links}<a href="/ui/jobs">${jobs.title}</a></nav>
    ${content}`;
}

export interface Submission {
  /** Where the browser goes after the change. */
  readonly path: string;
  /** Names of fields, where the form calls what an error is about otherwise. */
  readonly names?: FieldNames;
  /** Shows the view again with the rejected form. */
  again(state: FormState): Promise<void>;
}

/** Makes a change and leads the browser on with a notice; shows the form again if the change is refused. */
export async function submit(visit: AdminVisit, submission: Submission, change: () => Promise<Notice>): Promise<void> {
  let notice: Notice;
  try {
    notice = await change();
  } catch (error) {
    await submission.again(rejectionOf(error, visit.form, submission.names));
    return;
  }
  visit.changed();
  visit.leaveNotice(notice);
  redirect(visit.response, submission.path);
}

/** Returns a notice of a change that was made. */
export function done(line: string, secret?: string): Notice {
  return { kind: 'done', lines: [line], ...(secret === undefined ? {} : { secret }) };
}

/** Shows a form with a single button. `name`: what the button changes, for those who do not see the rest of the view. */
export function buttonForm(path: string, text: string, name: string): Html {
  return html`<form class="inline" method="post" action="${path}">
    <button aria-label="${text}: ${name}">${text}</button>
  </form>`;
}

/** Reads `?after=` of a listing by id; 0 for other texts. */
export function numberAfter(query: URLSearchParams): number {
  const after = Number(query.get('after') ?? 0);
  return Number.isSafeInteger(after) && after >= 0 ? after : 0;
}

/** Reads `?after=` of a listing by name. */
export function nameAfter(query: URLSearchParams): string {
  return (query.get('after') ?? '').slice(0, 255).replaceAll('\0', '');
}
