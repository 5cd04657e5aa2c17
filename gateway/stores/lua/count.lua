-- KEYS: windows
-- ARGV: limit and period of each window
-- Returns the full window if limited, else nothing

local limited = full(1, #KEYS)
if limited then
  return limited
end
count(1, #KEYS)
