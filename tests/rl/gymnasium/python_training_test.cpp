#include "tests/rl/gymnasium/python_tasks.h"
#include "tests/rl/same_state.h"
#include "tools/config/config.h"
#include "tools/runs/trainer.h"

namespace frost {
namespace {

class PythonTraining : public PythonTest {
 protected:
  static Config config(const std::string& member, const std::string& kwargs = "{}") {
    return config_of(python_task(member), kwargs);
  }
  static Config config_of(const std::string& name, const std::string& kwargs) {
    return parse_config(
        "", "x.yaml",
        {"environment.name=" + name, "environment.kwargs=" + kwargs, "environment.workers=2",
         "trainer.num_envs=3", "trainer.rollout_steps=24", "trainer.minibatch_size=12",
         "actor_critic.mlp_hidden=[8]", "system.device=cpu", "system.seed=4"});
  }
};

TEST_F(PythonTraining, LearnsToChooseWhatEarnsMost) {
  Config c = config("Task", "{limit: 2}");  // half of the sum of choices 5, 6 and 7
  c.ppo.rollout_steps = 96;
  c.model.head_lr = 0.03;
  Trainer trainer(c, false);
  const double first = trainer.ppo().update().at("charts/episodic_return");
  double last = 0;
  for (int update = 0; update < 80; ++update) {
    last = trainer.ppo().update().at("charts/episodic_return");
  }
  EXPECT_LT(first, 9.5);  // choices at random: 9
  EXPECT_GT(last, 10.0);  // always the best: 10.5
}

TEST_F(PythonTraining, ResumesBitForBitWhereTheEnvironmentIsSaved) {
  const Config c = config("Saved");
  Trainer whole(c, false);
  whole.ppo().update();
  const SafetensorsFile middle = whole.checkpoint();
  whole.ppo().update();
  Trainer resumed(c, true);
  resumed.restore(middle);
  resumed.ppo().update();
  expect_same_checkpoint(resumed.checkpoint(), whole.checkpoint());
}

TEST_F(PythonTraining, GoesOnInNewEpisodesWhereItIsNot) {
  const Config c = config("Task");
  Trainer trainer(c, false);
  trainer.ppo().update();
  const SafetensorsFile middle = trainer.checkpoint();
  EXPECT_FALSE(middle.tensors.contains("environment.0.state"));
  Trainer resumed(c, true);
  resumed.restore(middle);
  resumed.ppo().update();
  EXPECT_EQ(resumed.ppo().updates(), 2);
}

TEST_F(PythonTraining, InVectorEnvironmentsDependsOnTheSeedAloneAndGoesOnInNewEpisodes) {
  for (const char* mode : {"Disabled", "SameStep"}) {
    const Config c = config_of(vector_task("Tasks"), std::string("{mode: ") + mode + "}");
    Trainer trainer(c, false), again(c, false);
    trainer.ppo().update();
    again.ppo().update();
    const SafetensorsFile middle = trainer.checkpoint();
    expect_same_checkpoint(again.checkpoint(), middle);
    EXPECT_FALSE(middle.tensors.contains("environment.0.state"));
    Trainer resumed(c, true);
    resumed.restore(middle);
    resumed.ppo().update();
    EXPECT_EQ(resumed.ppo().updates(), 2);
  }
}

}  // namespace
}  // namespace frost
