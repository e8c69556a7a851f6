// Clay formula for icp_score column
function calculateIcpScore(row) {
  let score = 0;
  
  // Company size (30 points max)
  const size = row.company_size || 0;
  if (size >= 200 && size <= 2000) score += 30;
  else if (size >= 100 && size < 200) score += 20;
  else if (size >= 50 && size < 100) score += 10;
  else if (size > 2000 && size <= 5000) score += 15;
  
  // Industry (20 points max)
  const targetIndustries = ["SaaS", "Technology", "Software", "B2B"];
  if (targetIndustries.includes(row.company_industry)) score += 20;
  
  // Title seniority (25 points max)
  const title = (row.title || "").toLowerCase();
  if (title.includes("chief") || title.includes("cro") || title.includes("ceo")) score += 25;
  else if (title.includes("vp") || title.includes("vice president")) score += 20;
  else if (title.includes("director")) score += 15;
  else if (title.includes("head of") || title.includes("senior")) score += 10;
  
  // Tech stack signals (15 points max)
  const techStack = row.tech_stack || [];
  const targetTech = ["salesforce", "hubspot", "outreach", "gong", "clari"];
  const matchCount = techStack.filter(t => 
    targetTech.some(target => t.toLowerCase().includes(target))
  ).length;
  score += Math.min(matchCount * 5, 15);
  
  // Funding (10 points max)
  const fundingStages = ["Series A", "Series B", "Series C"];
  if (fundingStages.includes(row.funding_stage)) score += 10;
  
  return Math.min(score, 100);
}

// Tier assignment
function assignTier(icpScore) {
  if (icpScore >= 80) return "Tier 1";
  if (icpScore >= 50) return "Tier 2";
  return "Tier 3";
}
