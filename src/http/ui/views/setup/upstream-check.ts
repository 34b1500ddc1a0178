import type { UpstreamCheck } from '../../../../mirror/check/upstream-checks.ts';
import { copyField } from '../../parts/copy-field.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Notice } from '../../shell/notice.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { type SetupView, choiceFields } from './configuration.ts';

/** An image of each upstream; a name that is no upstream of the examples gets a place holder. */
const examples: Readonly<Record<string, string>> = {
  'docker.io': 'alpine',
  'ghcr.io': 'owner/image',
  'quay.io': 'prometheus/busybox',
  'registry.k8s.io': 'pause:3.10',
};

/** Shows the registries that this server mirrors, with a button that tests the way to each. */
export function upstreamSection({ texts: { setup }, choice, host, upstreams }: SetupView): Html | undefined {
  if (upstreams.length === 0) return undefined;
  const shown = choice.upstream === undefined ? upstreams : [choice.upstream];
  const rows = shown.map((name) => ({
    heading: name,
    cells: [copyField(`docker pull ${host}/${name.replace(':', '_')}/${examples[name] ?? 'NAME'}`), button(name)],
  }));

  function button(name: string): Html {
    return html`<form class="inline" method="post" action="/ui/setup/upstream">
      ${choiceFields(choice)}
      <button name="test" value="${name}" aria-label="${setup.reach.button}: ${name}">${setup.reach.button}</button>
    </form>`;
  }

  return html`<h2>${setup.upstreams}</h2>
    <p>${setup.pullThrough}</p>
    <p class="quiet">${setup.reach.help}</p>
    ${table(setup.upstreams, [setup.upstream, setup.example, setup.reach.title], rows)}`;
}

/** Returns what the test of an upstream has shown. Only admins see addresses. */
export function checkNotice({ setup: { reach } }: Texts, check: UpstreamCheck, isAdmin: boolean): Notice {
  const { upstream, result, milliseconds, detail } = check;
  if (result === 'ok') return { kind: 'done', lines: [reach.results.ok(upstream, milliseconds)] };
  const reason = isAdmin && detail !== '' ? [detail] : [];
  return { kind: 'wrong', lines: [reach.results[result](upstream), ...reason] };
}
