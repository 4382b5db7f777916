/**
 * A Qdrant node, or the command itself, killed in the middle of a shard's move and of a collection's copy, on a real
 * engine: what is said, that nothing is lost, and that the same command ends it.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { type VectorPlace, vectorPlace } from './vector-place.ts'
import { underWay } from './vector-points.ts'

/** So that a copy is under way for a while. */
const copying = ['--shards', '6', '--throttle', '3000']
const containerOf = async (place: VectorPlace, node: string): Promise<string> => {
  const [found] = (await place.containers()).filter(({ name }) => name.includes(`-${node}-`))
  if (found === undefined) throw new Error(`no container of ${node}`)
  return found.name
}

describeWithEngine('a Qdrant cluster on Compose', (env) => {
  let place: VectorPlace

  beforeAll(async () => {
    place = await vectorPlace(env, 1)
  }, 400_000)
  afterAll(async () => await place.leave())

  /** The command, and what it has said so far. */
  function applying(...args: string[]) {
    const running = place.start('vector', 'apply', '--yes', ...args)
    let said = ''
    running.stderr.on('data', (text: Buffer) => (said += text.toString()))
    return { running, said: () => said }
  }

  async function bringBack(): Promise<void> {
    const up = await place.ragscale('up')
    expect(up, up.stderr).toMatchObject({ exitCode: 0 })
  }

  async function endsIt(...args: string[]): Promise<void> {
    const again = await place.ragscale('vector', 'apply', '--yes', ...args)
    expect(again, again.stderr).toMatchObject({ exitCode: 0 })
  }

  async function leaderOf(): Promise<string> {
    const { raft, peers } = await place.seen()
    return peers.find(({ id }) => id === raft.leader)!.name
  }

  test.each([
    ['the source', async () => 'vector-1'],
    ['the target', async () => 'vector-3'],
    ['the raft leader', leaderOf],
  ])(
    'of which %s is killed while a shard moves says so, and ends the move once it is back',
    async (_, whose) => {
      await place.makeUneven()
      const node = await whose()
      const kill = await place.killer(node)
      const { running, said } = applying()
      await underWay(place)
      kill()
      const { exitCode } = await running
      // One that has no part in the move is not waited for, be it the leader.
      const takesPart = ['vector-1', 'vector-3'].includes(node)
      expect(exitCode, said()).toBe(takesPart ? 4 : 0)
      if (takesPart) {
        expect(said()).toContain('could not move shard')
        expect(said()).toContain(`${node} does not answer`)
        expect(said()).toContain(`Once ${node} runs again (ragscale up), the same command goes on from there`)
      }
      const refused = await place.ragscale('vector', 'apply', '--yes')
      expect(refused, refused.stderr).toMatchObject({ exitCode: 4 })
      expect(refused.stderr).toContain(`${node} does not answer`)
      await bringBack()
      await endsIt()
      await place.expectEveryPoint()
      await place.expectWhole(['docs'], 1)
    },
  )

  test.each(['SIGINT', 'SIGKILL'] as const)(
    'lets a shard arrive whose command got a %s, and there is nothing left to do but to wait for it',
    async (signal) => {
      await place.makeUneven()
      const { running, said } = applying()
      await underWay(place)
      running.kill(signal)
      const { exitCode } = await running
      if (signal === 'SIGINT') {
        expect(exitCode, said()).toBe(130)
        expect(said()).toContain('A shard on its way arrives by itself')
      }
      await endsIt()
      await place.expectEveryPoint()
      await place.expectWhole(['docs'], 1)
    },
  )

  test('that lost a node during a copy says what is safe, and ends the copy once it is back', async () => {
    const kill = await place.killer('vector-2')
    const { running, said } = applying(...copying)
    await expect.poll(said, { timeout: 120_000, interval: 50 }).toMatch(/pass 1: [1-9]/)
    kill()
    const { exitCode } = await running
    expect(exitCode, said()).toBe(4)
    expect(said()).toContain('vector-2 does not answer')
    expect(said()).toContain('docs is as it was. docs--6 may lack points, and nobody is served from it')
    await bringBack()
    await place.expectEveryPoint()
    const { collections } = await place.seen()
    expect(collections.map(({ name, aliases }) => ({ name, aliases }))).toEqual([
      { name: 'docs', aliases: [] },
      { name: 'docs--6', aliases: [] },
    ])
    // Its own command, as the message says, takes away what is half done.
    await endsIt('--drop-old')
    await place.expectWhole(['docs'], 1)
  }, 600_000)

  test.each(['SIGINT', 'SIGKILL'] as const)(
    'whose copy got a %s stays as it was, and the same command goes on where it was',
    async (signal) => {
      const { running, said } = applying(...copying)
      await expect.poll(said, { timeout: 120_000, interval: 50 }).toMatch(/pass 1: [1-9]/)
      running.kill(signal)
      const { exitCode } = await running
      if (signal === 'SIGINT') {
        expect(exitCode, said()).toBe(130)
        expect(said()).toContain('docs is as it was. docs--6 may lack points')
      }
      await place.expectEveryPoint()
      const plan = (await place.json('vector', 'plan', '--shards', '6')) as { steps: { because: string }[] }
      expect(plan.steps.at(1)?.because).toBe('docs--6 was begun before')
    },
  )

  test('is copied to the end by the same command, while a node crashes and its engine starts it again', async () => {
    const container = await containerOf(place, await leaderOf())
    // A node that was killed for good before has lost what its file says of restarts.
    await place.docker('update', '--restart', 'unless-stopped', container)
    const pid = Number(await place.docker('inspect', '--format', '{{.State.Pid}}', container))
    const { running, said } = applying(...copying, '--drop-old')
    await expect.poll(said, { timeout: 120_000, interval: 50 }).toMatch(/pass 1: [1-9]/)
    process.kill(pid, 'SIGKILL')
    const { exitCode } = await running
    expect(exitCode, said()).toBe(0)
    await place.expectEveryPoint()
    await place.expectWhole(['docs--6'], 1)
    const { collections } = await place.seen()
    expect(collections[0]).toMatchObject({ shards: 6, aliases: ['docs'] })
  }, 600_000)
})
