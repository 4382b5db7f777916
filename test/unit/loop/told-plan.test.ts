import { describe, expect, test } from 'vitest'
import { tellPlan } from '../../../src/loop/stack-view.ts'
import type { Progress, Step } from '../../../src/targets/target.ts'

const steps: Step[] = [{ what: 'start embed-1 again', because: 'it was killed (exit 137)', tier: 'embed' }]

function told(running: boolean, planned: readonly Step[] = steps): Progress[] {
  const all: Progress[] = []
  tellPlan((progress) => all.push(progress))(planned, { running })
  return all
}

describe('a plan', () => {
  test('is told with its causes where something runs already', () => {
    expect(told(true)).toEqual([
      { kind: 'note', text: 'start embed-1 again\n    because it was killed (exit 137)' },
    ])
  })

  test('is not told where nothing runs, nor where there is nothing to do', () => {
    expect(told(false)).toEqual([])
    expect(told(true, [])).toEqual([])
  })
})
