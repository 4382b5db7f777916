import { runService } from '../process.ts'
import { startBalancer } from './server.ts'

runService(startBalancer)
