import { formatError } from '../errors.ts'
import type { AliasAction } from '../cluster/change.ts'
import { list, object, required, text } from '../wire/fields.ts'
import { json, type Answer } from './answer.ts'
import { collectionName, jsonOf, timeoutMs, type ApiRequest } from './request.ts'
import { route, type Route } from './router.ts'

export const aliasRoutes: readonly Route[] = [
  route('POST', '/collections/aliases', 'write', change),
  route('GET', '/aliases', 'read', ({ node }) => aliasList(node.cluster.state.aliases)),
  route('GET', '/collections/{collection_name}/aliases', 'read', (request) => {
    const { name } = request.node.collection(collectionName(request))
    const all = Object.entries(request.node.cluster.state.aliases)
    return aliasList(Object.fromEntries(all.filter(([, collection]) => collection === name)))
  }),
]

function aliasList(aliases: Readonly<Record<string, string>>): Answer {
  return json({
    aliases: Object.entries(aliases).map(([alias, collection]) => ({
      alias_name: alias,
      collection_name: collection,
    })),
  })
}

async function change(request: ApiRequest): Promise<Answer> {
  const fields = object(jsonOf(request), 'struct ChangeAliasesOperation')
  const actions = list(required(fields, 'actions')).map(actionOf)
  await request.node.cluster.propose({ kind: 'change_aliases', actions }, timeoutMs(request))
  return json(true)
}

function actionOf(value: unknown): AliasAction {
  const action = object(value)
  const [kind = ''] = Object.keys(action)
  const fields = object(action[kind] ?? {})
  const name = (field: string) => text(required(fields, field))
  switch (kind) {
    case 'create_alias':
      return { create_alias: { collection_name: name('collection_name'), alias_name: name('alias_name') } }
    case 'delete_alias':
      return { delete_alias: { alias_name: name('alias_name') } }
    case 'rename_alias':
      return {
        rename_alias: { old_alias_name: name('old_alias_name'), new_alias_name: name('new_alias_name') },
      }
    default:
      throw formatError('data did not match any variant of untagged enum AliasOperations')
  }
}
