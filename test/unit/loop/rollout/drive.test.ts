import { existsSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ExitCode, UserError } from '../../../../src/errors.ts'
import { drive, exitCodeOfOutcome, takeBack } from '../../../../src/loop/rollout/drive.ts'
import { goBack } from '../../../../src/loop/rollout/ending.ts'
import type { AskedRollout } from '../../../../src/loop/rollout/start.ts'
import { stateFileOf } from '../../../../src/loop/rollout/state.ts'
import { Killed, type Rig, type Runs, rigOf, yaml } from './fake.ts'

let rig: Rig
beforeEach(async () => {
  rig = await rigOf()
})
afterEach(async () => await rig.remove())

const next = (replicas: number, share: number): Runs['next'] => ({ image: 'tei:2', replicas, share })
const asItWas: Runs = { current: 'tei:1', next: null }
const promoted: Runs = { current: 'tei:2', next: null }
const promotedFile = yaml.replace('tei:1', 'tei:2')

describe('a canary that is as good at every step', () => {
  it('gets a growing share, is brought to full strength, and takes the place of the version before', async () => {
    const run = await rig.begin()
    await drive(run)
    expect(rig.history).toEqual([
      { current: 'tei:1', next: next(1, 0) },
      { current: 'tei:1', next: next(1, 5) },
      { current: 'tei:1', next: next(2, 5) },
      { current: 'tei:1', next: next(2, 50) },
      { current: 'tei:1', next: next(2, 100) },
      // Its own replicas have all requests while the others are replaced.
      { current: 'tei:2', next: next(2, 100) },
      // Requests go first, replicas after.
      { current: 'tei:2', next: next(2, 0) },
      promoted,
    ])
    expect(run.state).toMatchObject({ phase: 'ended', outcome: 'promoted' })
    expect(exitCodeOfOutcome(run.state.outcome)).toBe(0)
  })

  it('is what ragscale.yaml then says, and nothing else in it has changed', async () => {
    await drive(await rig.begin())
    expect(await rig.file()).toBe(promotedFile)
  })

  it('leaves alone what a user has written there meanwhile', async () => {
    const run = await rig.begin()
    await writeFile(join(rig.folder, 'ragscale.yaml'), yaml.replace('rate: 40/s', 'rate: 50/s'))
    await drive(run)
    expect(await rig.file()).toBe(promotedFile.replace('rate: 40/s', 'rate: 50/s'))
  })
})

describe('a canary that is not', () => {
  it.each([
    ['worse', 'rolled back: worse', 5],
    ['cannot tell', 'rolled back: cannot tell', 6],
  ] as const)('goes back when it is found to be %s', async (verdict, outcome, exitCode) => {
    rig.verdicts = ['as good', verdict]
    const run = await rig.begin()
    await drive(run)
    expect(rig.history).toEqual([
      { current: 'tei:1', next: next(1, 0) },
      { current: 'tei:1', next: next(1, 5) },
      { current: 'tei:1', next: next(2, 5) },
      { current: 'tei:1', next: next(2, 50) },
      { current: 'tei:1', next: next(2, 0) },
      asItWas,
    ])
    expect(run.state).toMatchObject({ phase: 'ended', outcome })
    expect(exitCodeOfOutcome(run.state.outcome)).toBe(exitCode)
    expect(await rig.file()).toBe(yaml)
  })

  it('goes back when its replicas do not become healthy, and says what they said', async () => {
    rig.sick = true
    const failure = drive(await rig.begin())
    await expect(failure).rejects.toMatchObject({ exitCode: 4 })
    await expect(failure).rejects.toThrow(/embed-next-1 is failing \(exited with code 1\); rolled back/)
    expect(rig.runs()).toEqual(asItWas)
  })

  it('says that it went back before the last lines of what is gone, and not to ask for its logs', async () => {
    const run = await rig.begin()
    rig.beforeEffect = (effect) => {
      if (effect !== 1) return
      const hint = 'ragscale logs embed, then ragscale up to go on'
      throw new UserError('embed-next-1 ended\n  its last lines:\n    | no such model', {
        code: 'unhealthy',
        exitCode: ExitCode.unhealthy,
        hint,
      })
    }
    const failure = drive(run)
    await expect(failure).rejects.toThrow(
      /^embed-next-1 ended; rolled back: .*\n {2}its last lines:\n {4}\| no such model$/,
    )
    await expect(failure).rejects.toMatchObject({ exitCode: 4, hint: expect.stringContaining('begin anew') })
    expect(rig.runs()).toEqual(asItWas)
  })

  it('goes back when it is interrupted, and says so', async () => {
    const run = await rig.begin()
    rig.beforeEffect = (effect) => {
      if (effect !== 3) return
      rig.abort.abort()
      throw new Error('aborted')
    }
    const failure = drive(run)
    await expect(failure).rejects.toMatchObject({ exitCode: 130 })
    await expect(failure).rejects.toThrow(/rolled back/)
    expect(rig.runs()).toEqual(asItWas)
    expect(run.state.phase).toBe('ended')
  })
})

describe('a rollout that was killed on its way back', () => {
  it('goes back by the next call, which does not say that the next version runs', async () => {
    const run = await rig.begin()
    rig.beforeEffect = (effect) => {
      if (effect === 3) throw new Error('no room')
      if (effect === 4) throw new Killed()
    }
    await expect(drive(run)).rejects.toThrow(/two versions still run/)
    rig.beforeEffect = () => {}
    const again = await rig.again()
    await drive(again)
    expect(rig.runs()).toEqual(asItWas)
    expect(exitCodeOfOutcome(again.state.outcome)).toBe(1)
  })

  it('says that two versions still run where that fails once more, and how to go on', async () => {
    await drive(await rig.begin({ kind: 'bluegreen', shares: [], settings: { keep: true } as never }))
    const kept = await rig.again()
    rig.beforeEffect = () => {
      throw new UserError('the Docker engine stopped answering', { exitCode: ExitCode.unhealthy })
    }
    await expect(takeBack(kept, 'rolled back', 'ragscale rollout abort')).rejects.toMatchObject({
      message: 'the Docker engine stopped answering; two versions still run',
      hint: expect.stringContaining('ragscale rollout abort'),
      exitCode: 4,
    })
    rig.beforeEffect = () => {}
    await drive(await rig.again())
    expect(rig.runs()).toEqual(asItWas)
  })
})

describe('blue-green', () => {
  const bluegreen: Partial<AskedRollout> = { kind: 'bluegreen', shares: [] }

  it('brings the whole version up without requests, and gives it all of them at once', async () => {
    await drive(await rig.begin(bluegreen))
    expect(rig.history).toEqual([
      { current: 'tei:1', next: next(2, 0) },
      { current: 'tei:1', next: next(2, 100) },
      { current: 'tei:2', next: next(2, 100) },
      { current: 'tei:2', next: next(2, 0) },
      promoted,
    ])
    expect(await rig.file()).toBe(promotedFile)
  })

  it.each([
    ['fail', 5],
    ['invalid', 6],
  ] as const)('goes back without a switch when its load test ends with %s', async (verdict, exitCode) => {
    rig.loadTest = verdict
    const run = await rig.begin(bluegreen)
    await drive(run)
    expect(rig.history).toEqual([{ current: 'tei:1', next: next(2, 0) }, asItWas])
    expect(exitCodeOfOutcome(run.state.outcome)).toBe(exitCode)
  })

  it('keeps the version before until it is told otherwise', async () => {
    const keep = { ...bluegreen, settings: { keep: true } as AskedRollout['settings'] }
    const run = await rig.begin(keep)
    await drive(run)
    expect(rig.runs()).toEqual({ current: 'tei:1', next: next(2, 100) })
    expect(run.state.phase).toBe('kept')
    expect(await rig.file()).toBe(yaml)
    await drive(await rig.again())
    expect(rig.runs()).toEqual(promoted)
  })

  it('switches back to the version that is kept', async () => {
    await drive(await rig.begin({ ...bluegreen, settings: { keep: true } as AskedRollout['settings'] }))
    await goBack(await rig.again(), 'rolled back', 'ragscale rollout abort')
    expect(rig.runs()).toEqual(asItWas)
    expect(await rig.file()).toBe(yaml)
  })
})

describe.each([
  ['canary', 'as good', promoted],
  ['canary', 'worse', asItWas],
  ['bluegreen', 'as good', promoted],
  ['bluegreen', 'worse', asItWas],
] as const)('a %s of a version that is %s, killed', (kind, verdict, end) => {
  const asked: Partial<AskedRollout> = { kind, ...(kind === 'bluegreen' ? { shares: [] } : {}) }
  const prepare = (): void => {
    rig.verdicts = ['as good', verdict]
    rig.loadTest = verdict === 'worse' ? 'fail' : 'pass'
  }

  /** Kills it at one effect after another until it gets through; the process is gone at once. */
  async function killedAt(effect: number): Promise<boolean> {
    rig = await rigOf()
    prepare()
    const run = await rig.begin(asked)
    let dead = false
    rig.beforeEffect = (now) => {
      if (dead || now === effect) {
        dead = true
        throw new Killed()
      }
    }
    const save = run.save.bind(run)
    // A dead process writes nothing either.
    run.save = async (changed) => {
      if (dead) throw new Killed()
      await save(changed)
    }
    await drive(run).catch(() => undefined)
    rig.beforeEffect = () => {}
    return dead
  }

  it('at any point is gone on with to the same end by the next call', async () => {
    for (let effect = 1; await killedAt(effect); effect++) {
      const run = await rig.again()
      if (run.state.phase !== 'ended') await drive(run)
      expect(rig.runs(), `killed at effect ${effect}`).toEqual(end)
      expect(await rig.file()).toBe(end === promoted ? promotedFile : yaml)
      expect((await rig.again()).state.phase).toBe('ended')
      await rig.remove()
    }
  })

  it('at any point goes back when that is asked for', async () => {
    for (let effect = 1; await killedAt(effect); effect++) {
      const run = await rig.again()
      const before = rig.history.length
      if (run.state.phase !== 'ended') {
        await goBack(run, 'rolled back', 'ragscale rollout abort')
        expect(rig.runs(), `killed at effect ${effect}`).toEqual(asItWas)
        expect(await rig.file()).toBe(yaml)
        // At no moment on the way are requests with replicas that are being replaced.
        for (const [index, now] of rig.history.entries()) {
          const was = rig.history[index - 1]
          if (index < before || was === undefined || was.current === now.current) continue
          expect([was.next?.share, now.next?.share], `killed at effect ${effect}`).toEqual([100, 100])
        }
      }
      await rig.remove()
    }
  })
})

describe('a stack that is taken down while its rollout is being made', () => {
  it.each(['canary', 'bluegreen'] as const)('is not brought up again by it (%s)', async (kind) => {
    const shares = kind === 'canary' ? [5, 50, 100] : []
    const asked: Partial<AskedRollout> = { kind, shares }
    // As often as there is something that it could happen before.
    for (let at = 1; ; at++) {
      await rig.remove()
      rig = await rigOf()
      const run = await rig.begin(asked)
      let down: number | null = null
      rig.beforeEffect = (effect) => {
        if (effect !== at) return
        down = rig.history.length
        rmSync(stateFileOf(rig.folder))
      }
      const error = await drive(run).then(
        () => null,
        (failure: unknown) => failure,
      )
      if (down === null) return
      expect(error).toMatchObject({ name: 'TakenDown', exitCode: 4 })
      // What was being done when it happened, and nothing after it: here nobody holds the stack's lock.
      expect(rig.history.length).toBeLessThanOrEqual(down + 1)
      expect(existsSync(stateFileOf(rig.folder))).toBe(false)
    }
  })
})
