//! What goes wrong, and who changes roles.

use rand::RngExt;

use crate::world::World;

impl World {
    /// Now and then something goes wrong.
    pub fn misfortune(&mut self) {
        if self.rng.random_range(0..60) != 0 {
            return;
        }
        match self.rng.random_range(0..100) {
            0..45 => self.cut_somewhere(),
            45..65 => self.stall_somewhere(),
            65..75 => self.crash_somewhere(),
            75..80 => self.shut_down_somewhere(),
            80..88 => self.save_somewhere(),
            _ if self.plan.changes_roles => self.change_a_role(),
            _ => self.cut_somewhere(),
        }
    }

    fn cut_somewhere(&mut self) {
        let ids = self.network.ids();
        if !ids.is_empty() {
            let id = ids[self.rng.random_range(0..ids.len())];
            self.network.cut(&mut self.rng, id);
        }
    }

    fn stall_somewhere(&mut self) {
        let (a, b) = (self.any_node(), self.any_node());
        let until = self.now.plus(self.rng.random_range(100..15_000));
        self.network.stall(a, b, until);
    }

    /// kill -9: what is not in the file is gone.
    fn crash_somewhere(&mut self) {
        let node = self.any_node();
        let keeps_file = self.rng.random_range(0..2) == 0;
        self.crash(node, keeps_file);
    }

    fn shut_down_somewhere(&mut self) {
        let node = self.any_node();
        self.shut_down(node);
    }

    fn save_somewhere(&mut self) {
        let node = self.any_node();
        self.request(node, &["BGSAVE"]);
    }

    /// One server becomes a master, or another one's replica; never in a circle of living ones.
    fn change_a_role(&mut self) {
        let node = self.any_node();
        let other = self.any_node();
        if self.rng.random_range(0..3) == 0 {
            self.request(node, &["REPLICAOF", "NO", "ONE"]);
        } else if node != other && !self.follows(other, node) {
            self.follow(node, other);
        }
    }

    fn any_node(&mut self) -> usize {
        self.rng.random_range(0..self.nodes.len())
    }
}
