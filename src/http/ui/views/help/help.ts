import type { Router } from 'express';
import type { AsVisitor } from '../../session/visitors.ts';
import { table } from '../../parts/table.ts';
import { html } from '../../shell/html.ts';
import { sendPage } from '../../shell/page.ts';
import { textsOf } from '../../shell/preferences.ts';

/** Keys and what they do: see `src/ui/shortcuts.ts`. */
const keys = ['/', 'j k', 'Enter', 'c', 'x', 'g r', 'g s', 'g m', 'g a', '?'] as const;

/** Where each job begins. */
const jobs = {
  find: '/ui',
  inside: '/ui',
  compare: '/ui/diff',
  history: '/ui',
  signatures: '/ui',
  disk: '/ui/storage',
  space: '/ui/storage',
  access: '/ui',
  mirror: '/ui/setup',
  offline: '/ui/upload',
} as const;

/** Adds `/ui/help`: the jobs that the page does, and its keys. */
export function addHelp(router: Router, { asAnybody }: { readonly asAnybody: AsVisitor }): void {
  router.get(
    '/help',
    // eslint-disable-next-line @typescript-eslint/require-await -- the other views wait for data
    asAnybody(async (visitor, request, response) => {
      const { help } = textsOf(request);
      const steps = Object.entries(jobs).map(([job, path]) => {
        const { title, steps } = help.jobs[job as keyof typeof jobs];
        return { heading: html`<a href="${path}">${title}</a>`, cells: [steps] };
      });
      const rows = keys.map((key) => ({
        heading: html`${key.split(' ').map((one) => html`<kbd>${one}</kbd> `)}`,
        cells: [help.keys[key]],
      }));
      const content = html`<h2>${help.jobsTitle}</h2>
        ${table(help.jobsTitle, [help.job, help.how], steps)}
        <h2>${help.keysTitle}</h2>
        <p class="quiet">${help.keysHelp}</p>
        ${table(help.keysTitle, [help.key, help.does], rows)}
        <p><a class="button" href="/ui/api">${help.api}</a></p>`;
      sendPage(response, 200, { title: help.title, user: visitor.name, content });
    }),
  );
}
