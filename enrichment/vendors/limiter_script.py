"""What the limiter does in Redis, in one step: sliding windows of slots that become free.

A window is a sorted set of the times at which slots become free, a hash of how many at each, and a block.
"""

from typing import Final

# KEYS: three per window (free times, counts, block).
# ARGV: mode, then six per window (count, hold µs, grain µs, n, window µs, stamp).
# Modes: all (take), when (only look), back and end (give back), landed, count (take whatever the room), peek.
# Answer of all/when: {granted, wait µs, the slots' stamp per window};
# of peek: {used, µs until all free, µs blocked} per window.
SCRIPT: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local mode, windows = ARGV[1], #KEYS / 3
local used, blocked = {}, {}
for i = 1, windows do
  local q, h, p = KEYS[3*i-2], KEYS[3*i-1], KEYS[3*i]
  for _, slot in ipairs(redis.call('ZRANGEBYSCORE', q, '-inf', now)) do
    redis.call('HINCRBY', h, 'used', 0 - tonumber(redis.call('HGET', h, slot) or 0))
    redis.call('HDEL', h, slot)
  end
  redis.call('ZREMRANGEBYSCORE', q, '-inf', now)
  if redis.call('ZCARD', q) == 0 then redis.call('DEL', h) end
  used[i] = tonumber(redis.call('HGET', h, 'used') or 0)
  blocked[i] = math.max(redis.call('PTTL', p), 0) * 1000
end
if mode == 'peek' then
  local seen = {}
  for i = 1, windows do
    local last = redis.call('ZRANGE', KEYS[3*i-2], -1, -1)
    seen[#seen+1] = used[i]
    seen[#seen+1] = last[1] and (tonumber(last[1]) - now) or 0
    seen[#seen+1] = blocked[i]
  end
  return seen
end
if mode == 'end' then
  for i = 1, windows do
    local q, h, slot = KEYS[3*i-2], KEYS[3*i-1], ARGV[6*i+1]
    local n = math.min(tonumber(redis.call('HGET', h, slot) or 0), tonumber(ARGV[6*i-1]))
    if n > 0 then
      redis.call('HINCRBY', h, 'used', 0 - n)
      if redis.call('HINCRBY', h, slot, 0 - n) <= 0 then
        redis.call('HDEL', h, slot)
        redis.call('ZREM', q, slot)
      end
      if redis.call('ZCARD', q) == 0 then redis.call('DEL', h) end
    end
  end
  return {0, 0}
end
if mode == 'back' or mode == 'landed' then
  for i = 1, windows do
    local q, h, left = KEYS[3*i-2], KEYS[3*i-1], math.min(tonumber(ARGV[6*i-1]), used[i])
    local grain, window = tonumber(ARGV[6*i-2]), tonumber(ARGV[6*i])
    local free = math.ceil((now + window) / grain) * grain
    while left > 0 do
      local from = mode == 'back' and ARGV[6*i+1] or string.format('(%.0f', free)
      local slot = redis.call('ZRANGEBYSCORE', q, from, '+inf', 'LIMIT', 0, 1)[1]
      if not slot and mode == 'back' then slot = redis.call('ZRANGE', q, 0, 0)[1] end
      if not slot then break end
      local held = tonumber(redis.call('HGET', h, slot) or 0)
      local n = math.min(held, left)
      if mode == 'back' then
        redis.call('HINCRBY', h, 'used', 0 - n)
      else
        -- before the other is taken out: an empty set would be gone, and its expiry with it
        local at = string.format('%.0f', free)
        redis.call('ZADD', q, at, at)
        redis.call('HINCRBY', h, at, n)
      end
      if redis.call('HINCRBY', h, slot, 0 - n) <= 0 then
        redis.call('HDEL', h, slot)
        redis.call('ZREM', q, slot)
      end
      left = left - math.max(n, 1)
    end
  end
  return {0, 0}
end
local granted, wait, told = math.huge, 0, {0, 0}
for i = 1, windows do
  local n, room = tonumber(ARGV[6*i-1]), tonumber(ARGV[6*i-4]) - used[i]
  if blocked[i] > 0 then room = 0 end
  local can = math.max(math.min(n, room), 0)
  if can < n then can = 0 end
  granted = math.min(granted, can)
  if can < n then
    wait = math.max(wait, blocked[i])
    local needed = n - (tonumber(ARGV[6*i-4]) - used[i])
    if needed > 0 then
      for _, slot in ipairs(redis.call('ZRANGE', KEYS[3*i-2], 0, -1)) do
        needed = needed - tonumber(redis.call('HGET', KEYS[3*i-1], slot) or 0)
        if needed <= 0 then
          wait = math.max(wait, tonumber(slot) - now)
          break
        end
      end
    end
  end
end
if mode == 'count' then granted, wait = 1, 0 end
if granted > 0 and mode ~= 'when' then
  for i = 1, windows do
    local q, h = KEYS[3*i-2], KEYS[3*i-1]
    local hold, grain = tonumber(ARGV[6*i-3]), tonumber(ARGV[6*i-2])
    local n = tonumber(ARGV[6*i-1])
    local free = string.format('%.0f', math.ceil((now + hold) / grain) * grain)
    told[#told+1] = tonumber(free)
    redis.call('ZADD', q, free, free)
    redis.call('HINCRBY', h, free, n)
    redis.call('HINCRBY', h, 'used', n)
    local keep = math.ceil((hold + grain) / 1000) + 1000
    -- never sooner than what is held longer
    if redis.call('PTTL', q) < keep then redis.call('PEXPIRE', q, keep) end
    if redis.call('PTTL', h) < keep then redis.call('PEXPIRE', h, keep) end
  end
end
told[1], told[2] = granted, wait
return told
"""
