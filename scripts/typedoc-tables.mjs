// A plugin of typedoc: what is documented by the table or mapped type it stands in needs no sentence of its own.
// - Members of constant tables (`as const`) get their value as a comment, with its bits. The kernel has 700 of them.
// - Keys that a mapped type (`Record<ErrnoName, string>`) brings along are declared nowhere, so nobody could document them there.

import { Comment, Converter, ReflectionKind } from 'typedoc';

/** The documented constant, property or alias whose inline type a member belongs to, or undefined. */
function documentedOwner(member) {
  let owner = member.parent;
  while (owner?.kindOf(ReflectionKind.TypeLiteral)) owner = owner.parent;
  return owner?.hasComment() && !owner.kindOf(ReflectionKind.ClassOrInterface) ? owner : undefined;
}

/** `8192 (0x2000)`: flags are recognised by their bits. */
function valueText(value) {
  return typeof value === 'number' && value > 9
    ? `${value} (0x${value.toString(16)})`
    : String(value);
}

/** typedoc calls this. */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const member of project.getReflectionsByKind(ReflectionKind.Property)) {
      const owner = member.hasComment() ? undefined : documentedOwner(member);
      if (owner === undefined) continue;
      const { type, sources } = member;
      if (owner.kindOf(ReflectionKind.Variable) && type?.type === 'literal') {
        member.comment = new Comment([{ kind: 'text', text: valueText(type.value) }]);
      } else if (
        !sources?.length ||
        sources.every(({ fullFileName }) => fullFileName.endsWith('.d.ts'))
      ) {
        member.comment = new Comment([{ kind: 'text', text: `A key of ${owner.name}.` }]);
      }
    }
  });
}
